import { expect } from 'vitest'
import { verbs } from '#contracts'
import type { CallOptions, Health, LogLevel, VerbInput, VerbName, VerbOutput } from '#contracts'
import { systemClock } from '#kernel'
import { rule, say } from '#scripted-model'
import { createVerbs } from '#verbs'
import type { StatusFacts } from '#verbs'
import { caller, openBench } from '../../src/agents/test-harness.ts'
import type { Bench } from '../../src/agents/test-harness.ts'

const held = rule('held', { lastText: '/hold|gently/' }, [say('I was '), { gate: 'open' }, say('there')])
const thoughtful = rule('think', { lastText: 'think' }, [{ reasoning: 'let me see' }, say('thought')])
const echo = rule('echo', {}, [say('you said {{lastText}}')])

const facts: StatusFacts = {
  version: '0.1.0',
  pid: 42,
  started_at: 1,
  socket: '/run/socket',
  state_dir: '/state',
  log_file: '/state/log',
  is_supervised: false,
  is_stopping: false,
  codex: {
    kind: 'idle',
    version: null,
    path: null,
    pid: null,
    is_tested_version: null,
    tested_range: 'x',
    detail: null,
  },
  clients: 1,
  memory_bytes: 1,
  http: null,
}

/** What `health` finds. */
export const wellness: Health = {
  state: 'degraded',
  at: 1,
  version: '0.1.0',
  pid: 42,
  log_level: 'info',
  idle_since: null,
  idle_shutdown_ms: 0,
  parts: [{ part: 'disk', state: 'degraded', since: 1, why: 'full', cure: 'df', looked_at: 1, details: { free: 0 } }],
}

/** A bench with the verbs on it. */
export interface OpenedVerbs extends AsyncDisposable {
  readonly bench: Bench
  /** What the port was told to end the daemon with. */
  readonly orders: readonly unknown[]
  /** Calls through the port, and holds the answer against the verb's own schema. */
  readonly call: <N extends VerbName>(
    verb: N,
    input: VerbInput<N>,
    options?: Partial<CallOptions>,
  ) => Promise<VerbOutput<N>>
}

export async function openVerbs(): Promise<OpenedVerbs> {
  let level: LogLevel = 'info'
  const bench = await openBench([held, thoughtful, echo])
  const orders: unknown[] = []
  const port = () =>
    createVerbs({
      agents: bench.life.agents,
      store: bench.life.store,
      clock: systemClock,
      facts: async () => facts,
      health: async () => wellness,
      logging: { level: () => level, setLevel: wanted => void (level = wanted), configured: 'info' },
      shutdown: order => void orders.push(order),
    })
  return {
    bench,
    orders,
    call: async <N extends VerbName>(
      verb: N,
      input: VerbInput<N>,
      options: Partial<CallOptions> = {},
    ): Promise<VerbOutput<N>> => {
      const output = await port().call(verb, input, { caller, ...options })
      expect(verbs[verb].output.strict().safeParse(output).error).toBeUndefined()
      return output
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  }
}

export const inputOf = (bench: Bench, prompt: string): VerbInput<'ask'> => ({ prompt, cd: bench.project })
