import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CodexHost } from '#codex'
import { configSchema, policySchema, verbs } from '#contracts'
import { newAgentId, newTurnId, Secret, silentLog, sleep, systemClock } from '#kernel'
import { openStore } from '#store'
import type { Store } from '#store'
import { createPostgresSchema, postgresUrl } from '../../test/support/postgres-schema.ts'
import type { PostgresSchema } from '../../test/support/postgres-schema.ts'
import { startLink } from '../../test/support/tcp-link.ts'
import type { Link } from '../../test/support/tcp-link.ts'
import { followEvents } from './follow.ts'
import { startAgents } from './start-agents.ts'
import { TurnRecorder } from './turn-recorder.ts'

/** The answer to the COMMIT is lost, and the server is away for longer than a connection is tried for. */
const awayMs = 11_000

describe.skipIf(postgresUrl === undefined)('a COMMIT whose answer is lost, with the server away', () => {
  let folder: string
  let schema: PostgresSchema
  let link: Link
  let store: Store

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tandem-outage-'))
    schema = await createPostgresSchema()
    link = await startLink(schema.url)
    store = await openStore({
      file: join(folder, 'tandem.db'),
      url: new Secret(link.url),
      clock: systemClock,
      log: silentLog,
    })
  })

  afterEach(async () => {
    link.refuse('serve')
    await store[Symbol.asyncDispose]()
    await link[Symbol.asyncDispose]()
    await schema[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('is written once by a turn that would try again, and its followers see it', { timeout: 40_000 }, async () => {
    const place = { agentId: newAgentId(1), turnId: newTurnId(1), threadId: null }
    const recorder = new TurnRecorder({ store, clock: systemClock, log: silentLog }, () => place)
    const seen: unknown[] = []
    using _follower = await followEvents(store, {}, 0, event => void seen.push(event.data['text']))
    await slowCommits(schema, 'events')
    recorder.codexEvent({ kind: 'text-delta', itemId: 'i', delta: 'once', threadId: 't', codexTurnId: 'c' })
    const settled = recorder.settled()
    await loseAnswer(schema, link, 'events')
    await settled
    const stored = await store.events.after({ cursor: 0, limit: 9 })
    expect(stored.map(event => event.data['text'])).toEqual(['once'])
    expect(seen).toEqual(['once'])
  })

  it('accepts a turn, which is taken up', { timeout: 40_000 }, async () => {
    let asked = 0
    const codex: CodexHost = {
      connection() {
        asked += 1
        return new Promise(() => undefined)
      },
      restart: async () => undefined,
      state: { kind: 'stopped' },
      onState: () => ({ [Symbol.dispose]: () => undefined }),
      [Symbol.asyncDispose]: async () => undefined,
    }
    const agents = await startAgents({
      store,
      codex,
      clock: systemClock,
      log: silentLog,
      config: configSchema.parse({}),
      policy: { read: async () => ({ policy: policySchema.parse({}), file: 'none', realFiles: [] }) },
      homeDir: folder,
      codexHome: folder,
      env: process.env,
      stateDir: folder,
    })
    await slowCommits(schema, 'turns')
    const input = verbs.ask.input.parse({ prompt: 'a job', cd: folder, skip_git_repo_check: true })
    const accepted = agents.accept(input, { door: 'cli' })
    await loseAnswer(schema, link, 'turns')
    const { turn } = await accepted
    expect((await store.turns.list({ limit: 9 })).map(({ id }) => id)).toEqual([turn.id])
    expect(agents.counts).toEqual({ queued: 0, running: 1 })
    expect(asked).toBe(1)
    await agents.stop({ graceMs: 0 })
  })
})

/** A COMMIT waits in a trigger of the table, long enough for its answer to be cut off. */
async function slowCommits(schema: PostgresSchema, table: string): Promise<void> {
  await schema.query(
    "create function wait_a_moment() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return null; end'",
  )
  await schema.query(
    `create constraint trigger slow after insert on ${table} deferrable initially deferred for each row execute function wait_a_moment()`,
  )
}

async function loseAnswer(schema: PostgresSchema, link: Link, table: string): Promise<void> {
  const begun = performance.now()
  for (;;) {
    const found = await schema.query(
      "select 1 as one from pg_stat_activity where application_name = $1 and query = 'commit' and state = 'active'",
      [schema.name],
    )
    if (found.length > 0) break
    if (performance.now() - begun > 5000) throw new Error('nothing was committed')
    await sleep(10)
  }
  link.loseAnswers()
  link.refuse('refuse')
  await sleep(awayMs)
  await schema.query(`drop trigger slow on ${table}`)
  link.refuse('serve')
}
