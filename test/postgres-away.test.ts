import { describe, expect, it } from 'vitest'
import { readFileSync } from 'node:fs'
import { rule, say } from '#scripted-model'
import { createPostgresSchema, postgresUrl } from './support/postgres-schema.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import { startLink } from './support/tcp-link.ts'

const rules = [rule('job', { lastText: 'a job' }, [say('begun '), { gate: 'the end' }, say('and finished')])]

describe('a Postgres that is not there', { timeout: 120_000 }, () => {
  it('at the start: why is said, without the password, and the daemon is not started again and again', async () => {
    await using world = await openTandemWorld([], { store: { url: 'postgres://me:hunter2@127.0.0.1:1/db' } })
    const up = await world.tandem(['up'])
    expect(up.code).not.toBe(0)
    expect(up.err).toContain('STORE_FAILED')
    expect(up.err).toContain('postgres://me@127.0.0.1:1/db')
    const log = readFileSync(world.places.logFile, 'utf8')
    expect(log.split('daemon could not start')).toHaveLength(2)
    expect(`${up.out}${up.err}${log}`).not.toContain('hunter2')
  })

  it.skipIf(postgresUrl === undefined)(
    'while a turn runs: it goes on, and ends in the store when that is back',
    async () => {
      await using schema = await createPostgresSchema()
      await using link = await startLink(schema.url)
      await using world = await openTandemWorld(rules, { store: { url: link.url } })
      const client = world.client()
      const turn = await client.call('ask', { prompt: 'a job', cd: world.project, wait_ms: 0 }, { caller })
      await world.model.waitForRequest(request => request.rule === 'job', { timeoutMs: 60_000 })
      const { pid } = await client.call('status', {}, { caller })
      link.refuse('refuse')
      link.cut()
      world.model.release('the end')
      // Bounded, and with the reason: the server does not come back while it is asked.
      const away = await codeOf(client.call('turns', { limit: 1 }, { caller }))
      expect(away).toBe('STORE_FAILED')
      const refused = await codeOf(client.call('ask', { prompt: 'another', cd: world.project, wait_ms: 0 }, { caller }))
      expect(refused).toBe('STORE_FAILED')
      link.refuse('serve')
      const answer = await client.call('wait', { turn_id: turn.turn_id, wait_ms: 90_000 }, { caller })
      expect(answer).toMatchObject({
        status: 'completed',
        error: null,
        agent_messages: expect.stringContaining('and finished'),
      })
      expect(await client.call('status', {}, { caller })).toMatchObject({ pid, turns: { ended: 1 } })
      expect(world.promptsInHistory()).toEqual(['a job'])
    },
  )
})

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )
}
