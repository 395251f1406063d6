import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { storeCopySchema } from '#contracts'
import { newAgentId, silentLog, systemClock } from '#kernel'
import { rule, say } from '#scripted-model'
import { openStore, putSettings } from '#store'
import { createPostgresSchema, postgresUrl } from './support/postgres-schema.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const rules = [rule('answer', { lastText: '/./' }, [say('answered')])]

describe('tandem store copy', { timeout: 120_000 }, () => {
  it('wants to know where to, and that no daemon works with the store', async () => {
    await using world = await openTandemWorld(rules)
    const target = `${world.folder}/copy.db`
    expect(await world.tandem(['store', 'copy'])).toMatchObject({ code: 2, err: expect.stringContaining('--to') })
    await world.tandem(['up'])
    const refused = await world.tandem(['store', 'copy', '--to', target, '--json'])
    expect(refused.code).toBe(73)
    expect(JSON.parse(refused.out)).toMatchObject({
      error: { code: 'STORE_IN_USE', hint: expect.stringContaining('tandem down') },
    })
    await world.tandem(['down'])
    const copied = await world.tandem(['store', 'copy', '--to', 'copy.db'], { cwd: world.folder })
    expect(copied).toMatchObject({ code: 0, out: expect.stringContaining('and compared them') })
    expect(existsSync(target)).toBe(true)
    expect((await world.tandem(['store', 'copy', '--to', '/proc/none/x.db'])).err).toContain('STORE_FAILED')
    const wrong = await world.tandem(['store', 'copy', '--to', 'mysql://me:hunter2@127.0.0.1/db'])
    expect(wrong.err).toContain('STORE_URL_INVALID')
    expect(wrong.err + wrong.out).not.toContain('hunter2')
  })

  it('ends with a signal, and leaves nothing of the copy', async () => {
    await using world = await openTandemWorld(rules)
    await fillStore(world.places.storeFile)
    const target = `${world.folder}/copy.db`
    const child = spawn(join(import.meta.dirname, '../bin/tandem'), ['store', 'copy', '--to', target], {
      env: world.env,
      cwd: world.project,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const ended = once(child, 'exit')
    // It has begun: it told of its first table.
    await once(child.stderr, 'data')
    expect(existsSync(`${target}.partial`)).toBe(true)
    child.kill('SIGINT')
    expect(await ended).toEqual([130, null])
    expect(readdirSync(world.folder).filter(name => name.startsWith('copy'))).toEqual([])
    expect(await world.tandem(['store', 'copy', '--to', target])).toMatchObject({ code: 0 })
  })

  it.skipIf(postgresUrl === undefined)('into Postgres and back: the sessions go on, whichever holds them', async () => {
    await using schema = await createPostgresSchema()
    await using world = await openTandemWorld(rules)
    const first = await ask(world, 'one')
    await world.tandem(['down'])

    const there = await copied(world, ['--to', schema.url])
    expect(there.notes).toEqual([`to use it, set store.url in ${world.places.configFile}`])
    expect(JSON.stringify(there)).not.toContain('options')
    const config = readFileSync(world.places.configFile, 'utf8')
    writeFileSync(world.places.configFile, `${config}[store]\nurl = ${JSON.stringify(schema.url)}\n`)
    const second = await ask(world, 'two', first.session_id ?? 'none')
    expect(second.session_id).toBe(first.session_id)
    await world.tandem(['down'])

    const back = `${world.folder}/back.db`
    const report = await copied(world, ['--to', back])
    expect(report).toMatchObject({ node_id: there.node_id, nodes: [there.node_id] })
    expect(report.tables.find(table => table.name === 'turns')).toMatchObject({ rows: 2 })
    const refused = await world.tandem(['store', 'copy', '--from', back, '--to', schema.url])
    expect(refused).toMatchObject({ code: 73, err: expect.stringContaining('STORE_NOT_EMPTY') })
    writeFileSync(world.places.storeFile, readFileSync(back), { mode: 0o600 })
    writeFileSync(world.places.configFile, config)
    const third = await ask(world, 'three', first.session_id ?? 'none')
    expect(third).toMatchObject({ status: 'completed', session_id: first.session_id })
    const { turns } = await world.client().call('turns', { limit: 9 }, { caller })
    expect(turns.map(turn => turn.prompt)).toEqual(['three', 'two', 'one'])
    expect(world.promptsInHistory()).toEqual(['one', 'two', 'three'])
  })
})

/** Enough that a copy takes some seconds. */
async function fillStore(file: string): Promise<void> {
  await using store = await openStore({ file, clock: systemClock, log: silentLog })
  await store.commit({ changes: [putSettings('global', { effort: 'high' })] })
  const agentId = newAgentId(1)
  const event = { kind: 'text', agentId, turnId: null, threadId: null } as const
  for (let part = 0; part < 40; part += 1)
    await store.commit({
      events: Array.from({ length: 1000 }, (_, n) => ({
        ...event,
        data: { item_id: 'item', text: `${n} ${'x'.repeat(500)}` },
      })),
    })
}

async function ask(world: TandemWorld, prompt: string, session?: string) {
  const input = {
    prompt,
    cd: world.project,
    wait_ms: 60_000,
    ...(session === undefined ? {} : { session_id: session }),
  }
  const answer = await world.client().call('ask', input, { caller })
  expect(answer).toMatchObject({ status: 'completed', agent_messages: 'answered' })
  return answer
}

async function copied(world: TandemWorld, args: readonly string[]) {
  const done = await world.tandem(['store', 'copy', ...args, '--json'])
  expect(done).toMatchObject({ code: 0 })
  return storeCopySchema.parse(JSON.parse(done.out))
}
