import { describe, expect, it } from 'vitest'
import { copyFileSync, readFileSync, statSync } from 'node:fs'
import { isAlive } from '#client'
import { rule, say } from '#scripted-model'
import { createPostgresSchema, postgresUrl } from './support/postgres-schema.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'
import type { PostgresSchema } from './support/postgres-schema.ts'

const rules = [
  rule('go on', { lastText: 'cut off by a crash' }, [say('finished after a crash')]),
  rule('long', { lastText: 'a long job' }, [{ gate: 'the long one' }, say('finished in one go')]),
  rule('short', { lastText: '/short/' }, [say('done')]),
]

describe.skipIf(postgresUrl === undefined)('two daemons that share one Postgres', { timeout: 120_000 }, () => {
  it('each takes care of its own turns: one is killed, the other leaves them alone', async () => {
    await using schema = await createPostgresSchema()
    await using here = await worldOn(schema)
    await using there = await worldOn(schema)
    const [a, b] = [here.client(), there.client()]
    const long = await a.call('ask', { prompt: 'a long job', cd: here.project, wait_ms: 0 }, { caller })
    const short = await b.call('ask', { prompt: 'a short job', cd: there.project, wait_ms: 60_000 }, { caller })
    expect(short.error).toBeNull()
    expect(short).toMatchObject({ status: 'completed', agent_messages: 'done' })
    await here.model.waitForRequest(request => request.rule === 'long', { timeoutMs: 60_000 })
    const [nodeA, nodeB] = [await nodeOf(here), await nodeOf(there)]
    expect(nodeA).not.toBe(nodeB)
    expect(statSync(`${here.places.stateDir}/node-id`).mode & 0o777).toBe(0o600)

    await killForGood(here)
    // The other one starts anew meanwhile, and takes up what is its own: nothing.
    await there.killDaemon()
    expect(await b.call('status', {}, { caller })).toMatchObject({ turns: { queued: 0, running: 0, ended: 1 } })
    expect((await b.call('turns', { limit: 9 }, { caller })).turns.map(turn => turn.turn_id)).toEqual([short.turn_id])
    expect((await b.call('threads', { limit: 9 }, { caller })).threads).toHaveLength(1)
    const read = await b.call('result', { turn_id: long.turn_id }, { caller })
    expect(read).toMatchObject({ status: 'running', turn_id: long.turn_id, last_event: { kind: 'turn.started' } })
    expect(await codeOf(b.call('cancel', { turn_id: long.turn_id }, { caller }))).toBe('TURN_ELSEWHERE')
    const further = { prompt: 'short, too', cd: there.project, session_id: read.session_id ?? 'none' }
    expect(await codeOf(b.call('ask', further, { caller }))).toBe('SESSION_ELSEWHERE')
    expect(await eventsOf(schema, long.turn_id)).not.toContain('turn.reconciled')
    expect(there.promptsInHistory()).toEqual(['a short job'])

    here.model.release('the long one')
    // Asked there, while the daemon here comes back and finishes it.
    const waiting = b.call('wait', { turn_id: long.turn_id, wait_ms: 60_000 }, { caller })
    const answer = await here.client().call('wait', { turn_id: long.turn_id, wait_ms: 60_000 }, { caller })
    expect(answer).toMatchObject({ status: 'completed', agent_messages: expect.stringMatching(/^finished/) })
    expect(await waiting).toMatchObject({ status: 'completed', agent_messages: answer.agent_messages })
    expect(await eventsOf(schema, long.turn_id)).toContain('turn.reconciled')
    const nodes = await schema.query('select distinct node_id from events where turn_id = $1', [long.turn_id])
    expect(nodes).toEqual([{ node_id: nodeA }])
    expect(here.promptsInHistory().filter(prompt => prompt === 'a long job')).toHaveLength(1)
  })

  it('an idempotency key runs once, whichever of them is asked', async () => {
    await using schema = await createPostgresSchema()
    await using here = await worldOn(schema)
    await using there = await worldOn(schema)
    const input = { prompt: 'a short job', idempotency_key: 'once', wait_ms: 60_000, skip_git_repo_check: true }
    // The same directory, because it is part of what was asked.
    const cd = here.project
    const [one, two] = await Promise.all(
      [here, there].map(world =>
        world.client().call('ask', { ...input, cd }, { caller: { ...caller, project_dir: cd } }),
      ),
    )
    expect(two?.turn_id).toBe(one?.turn_id)
    expect([one?.agent_messages, two?.agent_messages]).toEqual(['done', 'done'])
    expect(await schema.query('select count(*)::int as count from turns')).toEqual([{ count: 1 }])
    expect([...here.promptsInHistory(), ...there.promptsInHistory()]).toEqual(['a short job'])
  })

  it('a copied state directory does not start a second daemon of the same node', async () => {
    await using schema = await createPostgresSchema()
    await using here = await worldOn(schema)
    await using there = await worldOn(schema)
    await here.tandem(['up'])
    copyFileSync(`${here.places.stateDir}/node-id`, `${there.places.stateDir}/node-id`)
    const second = await there.tandem(['up'])
    expect(second.code).not.toBe(0)
    expect(second.err).toContain('STORE_LOCKED')
    expect(await nodeOf(here)).toBe(readFileSync(`${here.places.stateDir}/node-id`, 'utf8').trim())
  })
})

function worldOn(schema: PostgresSchema): Promise<TandemWorld> {
  return openTandemWorld(rules, { store: { url: schema.url } })
}

async function nodeOf(world: TandemWorld): Promise<string> {
  return (await world.client().call('status', {}, { caller })).node_id
}

/** With its supervisor, so that it stays down until somebody asks. */
async function killForGood(world: TandemWorld): Promise<void> {
  const { pid, supervisor_pid: supervisor } = JSON.parse(readFileSync(world.places.addressFile, 'utf8'))
  if (typeof supervisor === 'number') process.kill(supervisor, 'SIGKILL')
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => isAlive(pid), { timeout: 10_000, interval: 20 }).toBe(false)
}

async function eventsOf(schema: PostgresSchema, turnId: string): Promise<readonly unknown[]> {
  return (await schema.query('select kind from events where turn_id = $1', [turnId])).map(row => row['kind'])
}

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )
}
