import { AppError, messageOf, within } from '#kernel'
import type { Clock, Log } from '#kernel'
import { isSignOfModel } from '#codex'
import type { CodexConnection, CodexEvent, CodexTurnError, TurnInput } from '#codex'
import { DeadlineWatch } from './deadlines.ts'
import type { Deadline, DeadlineLimits } from './deadlines.ts'
import { noFirstEvent, retryingTooLong, silence, tookTooLong } from './errors.ts'
import type { Stop } from './run-stop.ts'
import { untilTaken } from './until-taken.ts'

export type AttemptEnd =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: CodexTurnError }
  /** Codex went away, or interrupted the turn without being asked to. */
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'deadline'; readonly error: AppError }
  | { readonly kind: 'stopped'; readonly stop: Stop }

export interface AttemptDeps {
  readonly connection: CodexConnection
  readonly clock: Clock
  readonly log: Log
  readonly limits: DeadlineLimits & { readonly spentMs?: number }
  readonly stopped: Promise<Stop>
  /** What is done beside the start: Codex has been told. */
  readonly onSent: () => void
  readonly onStarted: (codexTurnId: string) => void
  readonly onEvent: (event: CodexEvent) => void
  /** Ends a Codex that does not obey, with everything that it runs. */
  readonly giveUp: (reason: string) => Promise<void>
}

type TurnCompleted = Extract<CodexEvent, { readonly kind: 'turn-completed' }>

/** How long an interrupted turn may take to say so. */
const interruptWaitMs = 5000

/** One turn of Codex from its start to its end, whatever ends it. Rejects only when Codex refuses to start it. */
export async function runAttempt(deps: AttemptDeps, input: TurnInput): Promise<AttemptEnd> {
  const { connection } = deps
  const ended = Promise.withResolvers<TurnCompleted>()
  const overdue = Promise.withResolvers<{ readonly deadline: Deadline; readonly afterMs: number }>()
  const state = { lastRetry: 'no message' }
  using watch = new DeadlineWatch(deps.clock, deps.limits, (deadline, afterMs) =>
    overdue.resolve({ deadline, afterMs }),
  )
  using listener = new ThreadListener(connection, input.threadId, event => {
    if (event.kind === 'retrying') {
      state.lastRetry = event.error.message
      watch.retrying()
    } else if (isSignOfModel(event)) watch.progressed()
    if (event.kind === 'turn-completed') ended.resolve(event)
    else deps.onEvent(event)
  })
  const codexTurnId = await startTurn(deps, input, listener)
  if (codexTurnId === null) {
    // It may still be started, and would then take the next prompt of its thread for a steer: the history decides.
    await deps.giveUp('turn/start was not answered')
    return { kind: 'lost', reason: 'Codex did not answer turn/start' }
  }
  deps.onStarted(codexTurnId)
  listener.follow(codexTurnId)
  const first = await Promise.race([
    ended.promise.then(event => ({ kind: 'ended', event }) as const),
    connection.closed.then(reason => ({ kind: 'lost', reason: `Codex ended (${reason.kind})` }) as const),
    overdue.promise.then(due => ({ kind: 'overdue', ...due }) as const),
    deps.stopped.then(stop => ({ kind: 'stopped', stop }) as const),
  ])
  if (first.kind === 'ended') return endOf(first.event)
  if (first.kind === 'lost') return first
  const last = await interrupt(deps, { threadId: input.threadId, codexTurnId }, ended.promise)
  // It may have come to its end in the moment before the interrupt reached it.
  if (last?.status === 'completed') return { kind: 'completed' }
  if (first.kind === 'stopped') return first
  return { kind: 'deadline', error: deadlineError(first.deadline, first.afterMs, state.lastRetry) }
}

/** Null when Codex, alive, did not say in time whether it took the turn. */
async function startTurn(
  { connection, onSent }: AttemptDeps,
  input: TurnInput,
  listener: ThreadListener,
): Promise<string | null> {
  try {
    const started = connection.startTurn(input)
    onSent()
    return (await started).codexTurnId
  } catch (error) {
    // It may have taken it, and been too busy to say so: then there is the event.
    if (error instanceof AppError && error.code === 'CODEX_REQUEST_TIMEOUT') return listener.startedTurnId
    throw error
  }
}

/** Interrupts the turn AND ends its commands: Codex lets them run on (0.169.0). Bounded; never rejects. */
async function interrupt(
  deps: AttemptDeps,
  turn: { readonly threadId: string; readonly codexTurnId: string },
  ended: Promise<TurnCompleted>,
): Promise<TurnCompleted | undefined> {
  const { connection, clock, log } = deps
  const over = new AbortController()
  void ended.then(() => over.abort())
  const asked = untilTaken(() => connection.interruptTurn(turn), over.signal).catch((error: unknown) => {
    // It has ended already, or Codex is gone: either way there is nothing to interrupt.
    log.info({ ...turn, error: messageOf(error) }, 'interrupt not taken')
  })
  const gone = connection.closed.then(() => undefined)
  const last = await within(clock, interruptWaitMs, Promise.race([asked.then(() => ended), gone]))
  over.abort()
  if (last.kind === 'timeout') {
    // A turn that goes on would take the next prompt of its thread for a steer (0.169.0).
    await deps.giveUp(`turn ${turn.codexTurnId} did not end within ${interruptWaitMs} ms of its interrupt`)
    return undefined
  }
  if (last.value === undefined) return undefined
  try {
    await connection.cleanBackgroundTerminals(turn.threadId)
  } catch (error) {
    log.warn({ ...turn, error: messageOf(error) }, 'commands of an interrupted turn may go on')
  }
  return last.value
}

export const noReason: CodexTurnError = {
  message: 'the turn failed and Codex gave no reason',
  code: null,
  httpStatus: null,
  details: null,
}

function endOf(event: TurnCompleted): AttemptEnd {
  if (event.status === 'completed') return { kind: 'completed' }
  if (event.status === 'failed') {
    return { kind: 'failed', error: event.error ?? noReason }
  }
  return { kind: 'lost', reason: 'Codex interrupted the turn by itself' }
}

function deadlineError(deadline: Deadline, afterMs: number, lastRetry: string): AppError {
  switch (deadline) {
    case 'first-event':
      return noFirstEvent(afterMs)
    case 'silence':
      return silence(afterMs)
    case 'retrying':
      return retryingTooLong(afterMs, lastRetry)
    case 'total':
      return tookTooLong(afterMs)
  }
}

/**
 * The events of one turn. Those that come before `turn/start` has been answered are kept until it is known whether they
 * belong to it: the end of an earlier, interrupted turn of the thread may still be under way.
 */
class ThreadListener implements Disposable {
  readonly #early: CodexEvent[] = []
  readonly #pass: (event: CodexEvent) => void
  readonly #subscription: Disposable
  #codexTurnId: string | null = null

  constructor(connection: CodexConnection, threadId: string, pass: (event: CodexEvent) => void) {
    this.#pass = pass
    this.#subscription = connection.onEvent(event => {
      // Rate limits belong to no thread: every running turn notes them.
      if (event.threadId !== threadId && event.kind !== 'rate-limits') return
      if (this.#codexTurnId === null) this.#early.push(event)
      else this.#take(event)
    })
  }

  /** The turn that began while `turn/start` had no answer yet. */
  get startedTurnId(): string | null {
    return this.#early.find(event => event.kind === 'turn-started')?.codexTurnId ?? null
  }

  follow(codexTurnId: string): void {
    this.#codexTurnId = codexTurnId
    for (const event of this.#early.splice(0)) this.#take(event)
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
  }

  #take(event: CodexEvent): void {
    if (event.codexTurnId === null || event.codexTurnId === this.#codexTurnId) this.#pass(event)
  }
}
