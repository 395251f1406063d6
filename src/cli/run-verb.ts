import type { VerbCaller, VerbInput, VerbName, VerbOutput } from '#contracts'
import { jsonLine } from './plain-text.ts'
import { exitCodeOfKind, exitCodeOfTurn, exitCodes } from './exit-codes.ts'
import { followEvents, fromLatest } from './follow-events.ts'
import { followTurn } from './follow-turn.ts'
import { readPrompt } from './prompt.ts'
import { runHealth } from './run-health.ts'
import type { Session } from './session.ts'
import { createTurnView } from './turn-views.ts'
import { parseInput } from './verb-input.ts'
import { viewOf } from './views.ts'

/** What the line gave for a verb, already in the types of its schema but not yet checked. */
export interface VerbRequest {
  readonly input: Readonly<Record<string, unknown>>
  readonly isDetached: boolean
  readonly isWatching: boolean
}

/** Runs a verb's command to its exit code. */
export async function runVerb(session: Session, name: VerbName, request: VerbRequest): Promise<number> {
  switch (name) {
    case 'ask':
      return await runAsk(session, request)
    case 'wait':
      return await runWait(session, request)
    case 'events':
      return await followEvents(session, parseInput('events', fromLatest(request.input)))
    case 'result':
      return await runResult(session, request)
    case 'policy_test':
      return (await runPlain(session, 'policy_test', request)).allowed ? exitCodes.ok : exitCodeOfKind.denied
    case 'health':
      return await runHealth(session, request)
    default:
      await runPlain(session, name, request)
      return exitCodes.ok
  }
}

async function runAsk(session: Session, request: VerbRequest): Promise<number> {
  const words = request.input['prompt']
  const prompt = await readPrompt(session, typeof words === 'string' ? words : undefined)
  const input = parseInput('ask', { ...request.input, prompt, ...(request.isDetached ? { wait_ms: 0 } : {}) })
  await using caller = await session.deps.connect({ startDaemon: true })
  if (request.isDetached) return await askAndLeave(session, caller, input)
  using view = createTurnView(session)
  return await followTurn(session, view, {
    turnId: null,
    wait: options => caller.call('ask', input, { caller: session.deps.caller, ...options }),
    cancel: turnId => caller.call('cancel', { turn_id: turnId }, { caller: session.deps.caller }),
  })
}

/** Only the turn's id goes to stdout, for `id=$(tandem ask --detach …)`. */
async function askAndLeave(session: Session, caller: VerbCaller, input: VerbInput<'ask'>): Promise<number> {
  const answer = await caller.call('ask', input, { caller: session.deps.caller })
  if (session.isJson) session.out.line(jsonLine({ type: 'answer', ...answer }))
  else session.out.line(answer.turn_id)
  if (session.err.isTerminal && !session.isJson) session.err.line(`come back with \`tandem wait ${answer.turn_id}\``)
  return answer.status === 'queued' || answer.status === 'running' ? exitCodes.ok : exitCodeOfTurn(answer)
}

async function runWait(session: Session, request: VerbRequest): Promise<number> {
  const given = parseInput('wait', request.input)
  await using caller = await session.deps.connect({ startDaemon: true })
  using view = createTurnView(session, { isAnswerEnough: true })
  // A view begins with what has happened so far; without one there is nothing to begin.
  const input = view.onEvent === null ? given : { ...given, cursor: 0 }
  return await followTurn(session, view, {
    turnId: given.turn_id,
    wait: options => caller.call('wait', input, { caller: session.deps.caller, ...options }),
    cancel: turnId => caller.call('cancel', { turn_id: turnId }, { caller: session.deps.caller }),
  })
}

/** `result` shows what there is and tells by its exit code how the turn stands. */
async function runResult(session: Session, request: VerbRequest): Promise<number> {
  return exitCodeOfTurn(await runPlain(session, 'result', request))
}

/** A verb that answers once. */
async function runPlain<N extends VerbName>(session: Session, name: N, request: VerbRequest): Promise<VerbOutput<N>> {
  const input = parseInput(name, request.input)
  await using caller = await session.deps.connect({ startDaemon: !withoutStart.has(name) })
  const output = await caller.call(name, input, { caller: session.deps.caller })
  if (session.isJson) session.out.line(jsonLine(output))
  else viewOf(name)(output, session)
  return output
}

/** Asking how the daemon is must not start one. */
const withoutStart: ReadonlySet<VerbName> = new Set<VerbName>(['status', 'log_level'])
