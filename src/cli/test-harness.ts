import { AppError, createEmitter, createFakeClock } from '#kernel'
import type { FakeClock } from '#kernel'
import type { CallOptions, TurnAnswer, VerbCaller, VerbName, VerbOutput, WireEvent } from '#contracts'
import type { CliDeps, CliEnvironment, InputStream, Lifecycle, LocalCommands, OutputStream } from './deps.ts'
import type { CommandEntry } from './command-entry.ts'
import { runCli, runCommandOf } from './run-cli.ts'

export interface FakeCall {
  readonly verb: VerbName
  readonly input: unknown
  readonly options: CallOptions
}

export interface HarnessOptions {
  /** Plays the daemon. */
  readonly answer?: (call: FakeCall) => unknown
  /** Which of the streams is a terminal; default: none. */
  readonly terminal?: 'both' | 'stdout' | 'stderr'
  readonly columns?: number
  readonly stdin?: {
    readonly kind: InputStream['kind']
    readonly chunks?: readonly (string | Uint8Array)[]
    readonly end?: Promise<void>
  }
  readonly environment?: CliEnvironment
  readonly files?: Readonly<Record<string, string>>
  readonly lifecycle?: Partial<Lifecycle>
  /** What a test plays of the commands beside the daemon. */
  readonly local?: Partial<LocalCommands>
  /** Instead of Tandem's own commands. */
  readonly entries?: readonly CommandEntry[]
}

/** A command line with a played daemon, streams in memory, and a log of everything that was asked of its surroundings. */
export interface Harness {
  run(...argv: readonly string[]): Promise<number>
  stdout(): string
  stderr(): string
  /** In order: "connect", "connect without start", "verb {input}", "closed", "demo [...]", "mcp", "read FILE". */
  readonly log: string[]
  readonly calls: FakeCall[]
  readonly clock: FakeClock
  interrupt(): void
  listeners(): number
  breakStdout(code: string): void
}

export function createHarness(options: HarnessOptions = {}): Harness {
  const log: string[] = []
  const calls: FakeCall[] = []
  const clock = createFakeClock(startMs)
  const out = createStream(options, 'stdout')
  const err = createStream(options, 'stderr')
  const interrupts = createEmitter<void>(() => undefined)
  let listeners = 0
  const deps: CliDeps = {
    version: '0.1.0',
    cwd: '/repo',
    caller: { door: 'cli' },
    connect: async ({ startDaemon }) => {
      log.push(startDaemon ? 'connect' : 'connect without start')
      return { ...playedCaller({ log, calls }, options), [Symbol.asyncDispose]: async () => void log.push('closed') }
    },
    lifecycle: playedLifecycle(options.lifecycle ?? {}),
    local: playedLocal(options.local ?? {}, log),
    stdin: playedStdin(options, log),
    stdout: out.stream,
    stderr: err.stream,
    environment: options.environment ?? { TERM: 'xterm' },
    clock,
    onInterrupt(listener) {
      listeners += 1
      const listening = interrupts.listen(listener)
      return {
        [Symbol.dispose]() {
          listeners -= 1
          listening[Symbol.dispose]()
        },
      }
    },
    readFile: async path => {
      log.push(`read ${path}`)
      const text = options.files?.[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  }
  return {
    run: (...argv) => (options.entries === undefined ? runCli(argv, deps) : runCommandOf(options.entries, argv, deps)),
    stdout: out.text,
    stderr: err.text,
    log,
    calls,
    clock,
    interrupt: () => interrupts.emit(),
    listeners: () => listeners,
    breakStdout: out.break,
  }
}

/** Lets everything that is ready run: promises only, no time. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await Promise.resolve()
}

export const startMs = Date.UTC(2026, 10, 21, 12, 0, 0)
export const turnId = 'turn_01jd3x0000000000000000000a'
export const sessionId = '019a0000-0000-7000-8000-000000000001'

export function turnAnswer(change: Partial<TurnAnswer> = {}): TurnAnswer {
  return {
    success: true,
    session_id: sessionId,
    turn_id: turnId,
    agent_id: 'agent_1',
    status: 'completed',
    agent_messages: 'The login is checked in auth.ts.',
    usage: null,
    diff: null,
    proposed_diff: null,
    session_restarted: false,
    elapsed_ms: 12_000,
    last_event: null,
    error: null,
    ...change,
  }
}

export function wireEvent(seq: number, kind: string, data: Record<string, unknown>): WireEvent {
  return { seq, at: startMs, kind, agent_id: 'agent_1', turn_id: turnId, session_id: sessionId, data }
}

export const acceptedEvent: WireEvent = wireEvent(1, 'turn.accepted', {
  prompt: 'where is the login?',
  sandbox: 'read-only',
  cd: '/repo',
})

function playedCaller(
  kept: { readonly log: string[]; readonly calls: FakeCall[] },
  options: HarnessOptions,
): VerbCaller {
  return {
    async call<N extends VerbName>(verb: N, input: unknown, callOptions: CallOptions): Promise<VerbOutput<N>> {
      const call = { verb, input, options: callOptions }
      kept.log.push(`${verb} ${JSON.stringify(input)}`)
      kept.calls.push(call)
      const played = options.answer ?? (() => ({}))
      return playedOutput<N>(await played(call))
    },
  }
}

/** The one cast: what a test plays is as good as what it says. */
function playedOutput<N extends VerbName>(output: unknown): VerbOutput<N> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return output as VerbOutput<N>
}

function playedLocal(own: Partial<LocalCommands>, log: string[]): LocalCommands {
  const absent = async (): Promise<never> => {
    throw new AppError('NOT_PLAYED', 'bug', 'the test does not play this')
  }
  return {
    check: absent,
    doctor: absent,
    claudeInstall: absent,
    claudeUninstall: absent,
    storeCopy: absent,
    demo: async argv => log.push(`demo ${JSON.stringify(argv)}`) + 2,
    mcp: async () => log.push('mcp') + 2,
    policyAllow: async grant => {
      log.push(`policy allow ${JSON.stringify(grant)}`)
      return { file: '/config/policy.toml', changes: ['max_sandbox = "workspace-write"'] }
    },
    ...own,
  }
}

function playedLifecycle(own: Partial<Lifecycle>): Lifecycle {
  const absent = async (): Promise<never> => {
    throw new AppError('NOT_PLAYED', 'bug', 'the test does not play this')
  }
  return { up: absent, down: absent, restart: absent, readLog: absent, health: absent, ...own }
}

function playedStdin(options: HarnessOptions, log: string[]): InputStream {
  return {
    kind: options.stdin?.kind ?? 'terminal',
    async *read() {
      for (const chunk of options.stdin?.chunks ?? []) {
        log.push(`stdin ${chunk.length}`)
        yield chunk
      }
      await options.stdin?.end
    },
  }
}

interface PlayedStream {
  readonly stream: OutputStream
  readonly text: () => string
  readonly break: (code: string) => void
}

function createStream(options: HarnessOptions, name: 'stdout' | 'stderr'): PlayedStream {
  const errors = createEmitter<Error>(() => undefined)
  const listening = new Map<unknown, Disposable>()
  let text = ''
  let failure: Error | null = null
  return {
    stream: {
      isTTY: options.terminal === 'both' || options.terminal === name,
      columns: options.columns,
      write(part, done) {
        if (failure === null) text += part
        done(failure)
        return true
      },
      on: (_event, listener) => void listening.set(listener, errors.listen(listener)),
      off: (_event, listener) => listening.get(listener)?.[Symbol.dispose](),
    },
    text: () => text,
    break(code) {
      failure = Object.assign(new Error(`write ${code}`), { code })
      errors.emit(failure)
    },
  }
}
