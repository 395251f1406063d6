import { asThreadId, createFakeClock, newAgentId, newTurnId, silentLog } from '#kernel'
import type { AgentId, FakeClock } from '#kernel'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { insertAgent } from './changes.ts'
import { openStoreWith } from './open-store.ts'
import { queuedTurn } from './rows.ts'
import type { StoreInsides } from './open-store.ts'
import type { AgentRow, EventInput, ThreadRow, TurnRow } from './rows.ts'
import type { Store, StoreLimits } from './store.ts'

/* What the tests of this room share. Each arm is a database on which the whole suite runs. */

export interface Arm {
  readonly name: string
  create(): Home
}

/** One empty database in a place of its own; opening it again finds what was written. */
export interface Home extends Disposable {
  readonly file: string
  readonly clock: FakeClock
  open(insides?: StoreInsides & { readonly limits?: StoreLimits }): Promise<Store>
}

export const arms: readonly Arm[] = [{ name: 'SQLite', create: createSqliteHome }]

export function createSqliteHome(): Home {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-store-'))
  const file = join(directory, 'tandem.db')
  const clock = createFakeClock()
  return {
    file,
    clock,
    open: ({ limits, ...insides } = {}) =>
      openStoreWith({ file, clock, log: silentLog, ...(limits === undefined ? {} : { limits }) }, insides),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export function agentRow(store: Store, part: Partial<AgentRow> = {}): AgentRow {
  return {
    id: newAgentId(1000),
    nodeId: store.nodeId,
    cwd: '/project',
    threadId: null,
    status: 'open',
    title: 'a title',
    door: 'cli',
    claudeSessionId: null,
    createdAt: 1_700_000_000_000,
    lastActiveAt: 1_700_000_000_000,
    ...part,
  }
}

export async function addAgent(store: Store, part: Partial<AgentRow> = {}): Promise<AgentRow> {
  const agent = agentRow(store, part)
  await store.commit({ changes: [insertAgent(agent)] })
  return agent
}

export function threadRow(agent: AgentRow, id: string, part: Partial<ThreadRow> = {}): ThreadRow {
  return { id: asThreadId(id), nodeId: agent.nodeId, agentId: agent.id, createdAt: 1, lostAt: null, ...part }
}

export function turnRow(agent: AgentRow, part: Partial<TurnRow> = {}): TurnRow {
  const accepted = queuedTurn({
    id: newTurnId(2000),
    nodeId: agent.nodeId,
    agentId: agent.id,
    threadId: null,
    prompt: 'do it',
    request: { sandbox: 'read-only' },
    caller: { door: 'cli' },
    idempotencyKey: null,
    inputHash: 'hash',
    acceptedAt: 1_700_000_000_000,
  })
  return { ...accepted, ...part }
}

export function textEvent(
  agentId: AgentId,
  text: string,
  part: Partial<Pick<EventInput, 'turnId' | 'threadId'>> = {},
): EventInput {
  return { kind: 'text', data: { item_id: 'item', text }, agentId, turnId: null, threadId: null, ...part }
}
