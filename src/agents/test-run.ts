import { asAgentId, asNodeId, asThreadId, asTurnId, createFakeClock, silentLog } from '#kernel'
import type { FakeClock } from '#kernel'
import type { CodexConnection, CodexEvent, DeniedCommand, TurnInput } from '#codex'
import { queuedTurn } from '#store'
import type { AgentRow, Work } from '#store'
import { knownRequestOf } from './turn-request.ts'
import { TurnRun } from './turn-run.ts'
import type { TurnRunDeps } from './turn-run.ts'

const nodeId = asNodeId('node_1')
const agentId = asAgentId('agent_1')
const threadId = asThreadId('thread_1')

const turn = queuedTurn({
  id: asTurnId('turn_1'),
  nodeId,
  agentId,
  threadId,
  prompt: 'p',
  request: knownRequestOf({ request: { cd: '/x' } }),
  caller: {},
  idempotencyKey: null,
  inputHash: '',
  acceptedAt: 0,
})

const agent: AgentRow = {
  id: agentId,
  nodeId,
  cwd: '/x',
  threadId,
  status: 'open',
  title: 't',
  door: 'socket',
  claudeSessionId: null,
  createdAt: 0,
  lastActiveAt: 0,
}

export interface RunOptions {
  readonly denied?: readonly DeniedCommand[]
  /** In place of what works at once. */
  readonly deps?: Partial<TurnRunDeps>
  readonly connection?: Partial<CodexConnection>
}

export interface RunBench {
  readonly run: TurnRun
  readonly codex: PlayedCodex
  readonly clock: FakeClock
  /** What was asked of the store and of Codex, in order. */
  readonly done: readonly string[]
}

export interface PlayedCodex {
  readonly connection: CodexConnection
  /** Resolves when the turn was given to it. */
  readonly started: Promise<TurnInput>
  readonly interrupted: Promise<void>
  send(event: CodexEvent): void
  /** `completed` when nothing else is said. */
  complete(status?: 'completed' | 'failed' | 'interrupted'): void
}

/** One run of a turn in a session that goes on; everything around it is played. */
export function openRun({ denied = [], ...own }: RunOptions = {}): RunBench {
  const done: string[] = []
  const codex = playCodex(done)
  const clock = createFakeClock()
  const run = new TurnRun(
    {
      store: {
        async commit(work: Work) {
          done.push('stored')
          return (work.events ?? []).map((event, index) => ({ ...event, seq: index, at: 0, nodeId }))
        },
        agents: { byId: async () => agent },
        turns: { byId: async () => turn, list: async () => [] },
        events: { after: async () => [] },
      },
      codex: { connection: async () => ({ ...codex.connection, ...own.connection }), restart: async () => undefined },
      threads: { open: async () => ({ threadId, history: undefined, wasReplaced: false }) },
      clock,
      log: silentLog,
      limits: {
        firstEventMs: 60_000,
        silenceMs: 60_000,
        retryingMs: 60_000,
        totalMs: 60_000,
        maxContinuations: 1,
        codexStartMs: 60_000,
      },
      settingsOf: async () => ({ cwd: '/x', sandbox: 'read-only' }),
      modelOf: async () => ({ model: undefined, effort: undefined }),
      grantOf: async () => ({ network: false, deniedCommands: denied }),
      beforeStart: async () => null,
      besideStart: () => void done.push('told'),
      onWork: () => undefined,
      ...own.deps,
    },
    turn,
  )
  return { run, codex, clock, done }
}

/** Takes every turn, and does what it is told to. */
function playCodex(done: string[]): PlayedCodex {
  const listeners = new Set<(event: CodexEvent) => void>()
  const [started, interrupted] = [Promise.withResolvers<TurnInput>(), Promise.withResolvers<void>()]
  const send = (event: CodexEvent): void => {
    for (const listener of Array.from(listeners)) listener(event)
  }
  const notPlayed = (): Promise<never> => Promise.reject(new Error('nobody asks for this here'))
  const connection: CodexConnection = {
    generation: 1,
    pid: 1,
    version: '0.169.0',
    closed: new Promise(() => undefined),
    counts: { malformedLines: 0, malformedMessages: 0, unread: {} },
    lastByteAtMs: () => 0,
    expectThread: () => undefined,
    startThread: notPlayed,
    resumeThread: notPlayed,
    readThread: notPlayed,
    async denyCommands() {
      done.push('denied')
    },
    async startTurn(input) {
      done.push('turn/start')
      started.resolve(input)
      return { codexTurnId: 'codex_1' }
    },
    steerTurn: notPlayed,
    interruptTurn: async () => interrupted.resolve(),
    cleanBackgroundTerminals: async () => undefined,
    archiveThread: notPlayed,
    unarchiveThread: notPlayed,
    listModels: notPlayed,
    onEvent(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
  return {
    connection,
    started: started.promise,
    interrupted: interrupted.promise,
    send,
    complete: (status = 'completed') =>
      send({ kind: 'turn-completed', status, error: null, threadId, codexTurnId: 'codex_1' }),
  }
}
