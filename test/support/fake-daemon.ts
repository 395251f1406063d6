import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { placesOf, socketProtocol } from '#contracts'
import { AppError, createEmitter, silentLog } from '#kernel'
import { startSocketDoor } from '#socket'
import type { CallOptions, HelloResult, Places, TurnAnswer, VerbCaller, WireEvent } from '#contracts'
import type { SocketDoor, SocketDoorDeps } from '#socket'

/** Everything of ours in a directory that is removed after: no test sees another, or the person's own. */
export function tempPlaces(): {
  readonly root: string
  readonly places: Places
  readonly env: Record<string, string>
} & Disposable {
  const root = mkdtempSync(join(tmpdir(), 'tandem-t-'))
  chmodSync(root, 0o700)
  const env = {
    HOME: root,
    XDG_CONFIG_HOME: join(root, 'config'),
    XDG_STATE_HOME: join(root, 'state'),
    XDG_RUNTIME_DIR: join(root, 'run'),
    CODEX_HOME: join(root, 'codex'),
  }
  return {
    root,
    env,
    places: placesOf(env, root),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  }
}

export interface FakeCall {
  readonly verb: string
  readonly input: Record<string, unknown>
  readonly options: CallOptions
  answer(value?: unknown): void
  fail(error: unknown): void
}

/** A VerbCaller that notes what it is asked and answers when told to. */
export interface FakeVerbs extends VerbCaller {
  readonly calls: FakeCall[]
  /** The call number `index`, as soon as it is there. */
  nth(index: number): Promise<FakeCall>
}

export function createFakeVerbs(): FakeVerbs {
  const calls: FakeCall[] = []
  const arrivals = createEmitter<void>(error => {
    throw error
  })
  return {
    calls,
    call: (verb, input, options) =>
      new Promise((resolve, reject) => {
        // The tests decide what an answer is.
        calls.push({ verb, input, options, answer: value => resolve((value ?? {}) as never), fail: reject })
        options.signal?.addEventListener('abort', () => reject(new AppError('CANCELLED', 'unavailable', 'detached')))
        arrivals.emit()
      }),
    nth: index =>
      new Promise(resolve => {
        const look = (): void => {
          const call = calls[index]
          if (call === undefined) return
          listening[Symbol.dispose]()
          resolve(call)
        }
        const listening = arrivals.listen(look)
        look()
      }),
  }
}

export const testLimits = { maxClients: 50, maxFrameBytes: 65_536, maxOutgoingBytes: 262_144, maxCallsPerClient: 8 }

export interface TestDoorOptions extends Partial<SocketDoorDeps> {
  /** What hello says. */
  readonly says?: Partial<HelloResult>
}

export function startTestDoor(socketPath: string, verbs: VerbCaller, more: TestDoorOptions = {}): Promise<SocketDoor> {
  const { says, ...rest } = more
  const hello: HelloResult = {
    protocol: socketProtocol,
    version: '1.0.0',
    pid: process.pid,
    node_id: 'node_x',
    running: 0,
    can_upgrade: true,
    ...says,
  }
  return startSocketDoor({
    verbs,
    identity: () => hello,
    socketPath,
    limits: testLimits,
    log: silentLog,
    homeDir: '/home/somebody',
    ...rest,
  })
}

export const turnAnswer = (more: Partial<TurnAnswer> = {}): TurnAnswer => ({
  success: true,
  session_id: 'thread-1',
  turn_id: 'turn_1',
  agent_id: 'agent_1',
  status: 'completed',
  agent_messages: 'hello',
  usage: null,
  diff: null,
  proposed_diff: null,
  session_restarted: false,
  elapsed_ms: 1,
  last_event: null,
  error: null,
  ...more,
})

export const wireEvent = (seq: number, text = `event ${seq}`): WireEvent => ({
  seq,
  at: seq,
  kind: 'message',
  agent_id: 'agent_1',
  turn_id: 'turn_1',
  session_id: null,
  data: { item_id: 'i', text },
})
