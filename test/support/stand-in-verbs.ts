import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inputInvalid, verbs } from '#contracts'
import { AppError, sleep } from '#kernel'
import type { CallOptions, TurnAnswer, VerbCaller } from '#contracts'

/** One line of `calls.jsonl`: what a door asked of the stand-in. */
export interface StandInCall {
  readonly verb: string
  readonly input: Readonly<Record<string, unknown>>
  readonly caller: CallOptions['caller']
  readonly startedAt: number
  readonly endedAt: number
}

/** The longest message: more than an answer may hold. */
export const longAnswer = `${'All of it matters, 每一个字. '.repeat(10_000)}THE END`

/**
 * Plays the daemon for doors that run as real processes: prompts say what is to come of them ("slow", "fail", "broken turn", "long"),
 * settings are kept in a file, every call is noted in `calls.jsonl` of the directory.
 */
export function createStandInVerbs(dir: string): VerbCaller {
  const answers: Readonly<Record<string, (input: Record<string, unknown>) => unknown>> = {
    ask: input => turnOf(String(input['prompt']), 0),
    result: input => turnOf('long', Number(input['offset'] ?? 0)),
    settings: input => settingsOf(dir, input),
    status: () => status,
  }
  return {
    async call(verb, input, options) {
      const startedAt = Date.now()
      const parsed = verbs[verb].input.safeParse(input)
      if (!parsed.success) throw inputInvalid(verb, parsed.error)
      try {
        if (JSON.stringify(input).includes('slow')) await sleep(1500, options.signal)
        const answer = answers[verb]
        if (answer === undefined) throw new AppError('STAND_IN', 'bug', `the stand-in does not play ${verb}`)
        return answer(parsed.data) as never
      } finally {
        const call: StandInCall = {
          verb,
          input,
          caller: options.caller,
          startedAt,
          endedAt: Date.now(),
        }
        appendFileSync(join(dir, 'calls.jsonl'), `${JSON.stringify(call)}\n`)
      }
    },
  }
}

function turnOf(prompt: string, offset: number): TurnAnswer {
  if (prompt.startsWith('fail')) {
    throw new AppError('DIRECTORY_MISSING', 'missing', 'no directory /nowhere', { hint: 'create it first' })
  }
  const isBroken = prompt.startsWith('broken turn')
  return {
    success: !isBroken,
    session_id: 'session-of-the-stand-in',
    turn_id: 'turn_1',
    agent_id: 'agent_1',
    status: isBroken ? 'failed' : 'completed',
    agent_messages: prompt.startsWith('long') ? longAnswer.slice(offset) : `Codex heard: ${prompt}`,
    usage: null,
    diff: null,
    proposed_diff: null,
    session_restarted: false,
    elapsed_ms: 1,
    last_event: null,
    error: isBroken
      ? { code: 'UPSTREAM_FAILED', kind: 'unavailable', message: 'the model is away', hint: 'try later' }
      : null,
  }
}

function settingsOf(dir: string, input: Record<string, unknown>): unknown {
  const file = join(dir, 'settings.json')
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>) : {}
  const { effort, reasoning, final_only } = input
  const changes = {
    ...(effort === undefined ? {} : { effort }),
    ...(reasoning === undefined ? {} : { reasoning: reasoning === 'on' }),
    ...(final_only === undefined ? {} : { final_only: final_only === 'on' }),
  }
  const global = { ...before, ...changes }
  writeFileSync(file, JSON.stringify(global))
  return { effective: { effort: null, reasoning: false, final_only: true, ...global }, global, project: {} }
}

const status = {
  version: '0.0.0',
  pid: 1,
  node_id: 'node_1',
  started_at: 1,
  uptime_ms: 1000,
  socket: '/stand-in.sock',
  state_dir: '/stand-in',
  log_file: '/stand-in/log',
  is_supervised: false,
  is_stopping: false,
  codex: {
    kind: 'ready',
    version: '0.169.0',
    path: '/stand-in/codex',
    pid: 2,
    is_tested_version: true,
    tested_range: '0.169',
    detail: null,
  },
  turns: { queued: 0, running: 0, ended: 3 },
  threads: 1,
  clients: 1,
  memory_bytes: 1,
  http: null,
  rate_limits: null,
}
