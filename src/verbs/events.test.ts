import { getEventListeners } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startAgents } from '#agents'
import { configSchema, defaultPolicy } from '#contracts'
import { newAgentId, silentLog, systemClock } from '#kernel'
import { openStore } from '#store'
import { createVerbs } from './index.ts'
import type { VerbCaller, VerbInput } from '#contracts'
import type { CodexHost } from '#codex'
import type { Store } from '#store'

const missing = (): never => {
  throw new Error('must not be asked')
}

/** Codex is not asked for what has happened. */
const codex: CodexHost = {
  state: { kind: 'idle' },
  connection: missing,
  restart: missing,
  onState: () => ({ [Symbol.dispose]: () => undefined }),
  [Symbol.asyncDispose]: async () => undefined,
}

interface Bench extends AsyncDisposable {
  readonly verbs: VerbCaller
  readonly store: Store
}

async function openBench(): Promise<Bench> {
  await using stack = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'tandem-verbs-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const common = { clock: systemClock, log: silentLog }
  const store = stack.use(await openStore({ ...common, file: join(folder, 'tandem.db') }))
  const agents = await startAgents({
    ...common,
    store,
    codex,
    config: configSchema.parse({}),
    policy: { read: async () => ({ policy: defaultPolicy, file: join(folder, 'policy.toml'), realFiles: [] }) },
    homeDir: folder,
    codexHome: folder,
    stateDir: folder,
    env: {},
  })
  stack.defer(() => agents.stop({ graceMs: 0 }))
  const verbs = createVerbs({
    ...common,
    agents,
    store,
    facts: missing,
    health: missing,
    shutdown: missing,
    logging: { level: () => 'info', setLevel: missing, configured: 'info' },
  })
  const open = stack.move()
  return { verbs, store, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

const warning = { data: { message: 'look' }, agentId: newAgentId(1), turnId: null, threadId: null }

test.each<[string, VerbInput<'events'>]>([
  ['that waits in vain', { wait_ms: 1 }],
  ['that waits for the first event', { wait_ms: 60_000 }],
  ['that follows for a while', { wait_ms: 1, follow: true }],
])('a call %s leaves nothing at a signal that outlives it', async (_, input) => {
  await using bench = await openBench()
  const { signal } = new AbortController()
  for (let round = 0; round < 3; round += 1) {
    const asked = bench.verbs.call('events', input, { caller: { door: 'socket' }, signal })
    await expect.poll(() => getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1)
    await bench.store.commit({ events: [{ kind: 'warning', ...warning }] })
    await asked
  }
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('who leaves is not waited for', async () => {
  await using bench = await openBench()
  const leaving = new AbortController()
  const asked = [{}, { follow: true }].map(more =>
    bench.verbs.call(
      'events',
      { wait_ms: 60_000, cursor: 1000, ...more },
      {
        caller: { door: 'socket' },
        signal: leaving.signal,
      },
    ),
  )
  await expect.poll(() => getEventListeners(leaving.signal, 'abort').length).toBe(2)
  leaving.abort()
  expect(await Promise.all(asked)).toMatchObject([{ events: [] }, { events: [] }])
  const late = bench.verbs.call('events', { follow: true }, { caller: { door: 'socket' }, signal: leaving.signal })
  expect(await late).toMatchObject({ events: [] })
})
