import type { TurnAnswer, WireEvent } from '#contracts'
import { within } from '#kernel'
import type { Clock } from '#kernel'
import { exitCodeOfTurn, exitCodes } from './exit-codes.ts'
import type { CliDeps } from './deps.ts'
import type { Session } from './session.ts'
import { withTurn } from './show-error.ts'
import type { TurnView } from './turn-view.ts'

export interface TurnPort {
  /** Null until the first event tells it. */
  readonly turnId: string | null
  wait(options: { readonly signal: AbortSignal; readonly onEvent?: (event: WireEvent) => void }): Promise<TurnAnswer>
  cancel(turnId: string): Promise<TurnAnswer>
}

/**
 * Waits for a turn and shows it. Ctrl-C leaves the turn alone and goes; a second one within two seconds cancels it.
 * Answers with the exit code.
 */
export async function followTurn(session: Session, view: TurnView, port: TurnPort): Promise<number> {
  using interrupts = countInterrupts(session.deps)
  const leaving = new AbortController()
  const turn = createKnownTurn(port.turnId)
  const answer = port.wait({ signal: leaving.signal, ...eventOption(view, turn) })
  const settled = answer.then(value => ({ kind: 'answer', value }) as const)
  // When we leave first, nobody is interested in how the wait ends.
  settled.catch(() => undefined)
  try {
    const first = await Promise.race([settled, interrupts.first, readerLeft(session)])
    if (first.kind === 'answer') return showAnswer(view, first.value)
    if (first.kind === 'reader-left') return exitCodes.readerLeft
    return await leave({ session, view, port, turn, settled, second: interrupts.second })
  } catch (error) {
    throw withTurn(error, turn.id())
  } finally {
    leaving.abort()
  }
}

interface Leaving {
  readonly session: Session
  readonly view: TurnView
  readonly port: TurnPort
  readonly turn: KnownTurn
  readonly settled: Promise<{ readonly kind: 'answer'; readonly value: TurnAnswer }>
  readonly second: Promise<{ readonly kind: 'interrupt' }>
}

/** After the first Ctrl-C: an answer that comes right now is still shown. */
async function leave({ session, view, port, turn, settled, second }: Leaving): Promise<number> {
  const { clock } = session.deps
  const end = expiry(clock, cancelWindowMs)
  const known = turn.known.then(id => ({ kind: 'known', id }) as const)
  let next = await Promise.race([settled, known, second, end])
  if (next.kind === 'known') {
    view.detached(next.id)
    next = await Promise.race([settled, second, end])
  }
  if (next.kind === 'answer') return showAnswer(view, next.value)
  const turnId = turn.id()
  if (turnId === null) view.detached(null)
  if (turnId !== null && next.kind === 'interrupt') return await cancel({ clock, view, port }, turnId)
  return exitCodes.interrupted
}

/** A turn that had ended before it could be cancelled has an answer like any other. */
async function cancel(
  deps: { readonly clock: Clock; readonly view: TurnView; readonly port: TurnPort },
  turnId: string,
): Promise<number> {
  const outcome = await within(deps.clock, cancelTimeoutMs, deps.port.cancel(turnId))
  const answer = outcome.kind === 'done' ? outcome.value : null
  if (answer?.status === 'completed' || answer?.status === 'failed') return showAnswer(deps.view, answer)
  deps.view.cancelled(turnId, answer)
  return exitCodes.interrupted
}

function showAnswer(view: TurnView, answer: TurnAnswer): number {
  view.answer(answer)
  return exitCodeOfTurn(answer)
}

/** Which turn it is: given, or told by the first event that names one. */
interface KnownTurn {
  id(): string | null
  learn(event: WireEvent): void
  readonly known: Promise<string>
}

function createKnownTurn(given: string | null): KnownTurn {
  const known = Promise.withResolvers<string>()
  let id = given
  if (given !== null) known.resolve(given)
  return {
    id: () => id,
    learn(event) {
      if (id !== null || event.turn_id === null) return
      id = event.turn_id
      known.resolve(id)
    },
    known: known.promise,
  }
}

/** Events are followed for the turn's id, too, when the view itself has no use for them. */
function eventOption(view: TurnView, turn: KnownTurn): { readonly onEvent?: (event: WireEvent) => void } {
  if (view.onEvent === null && turn.id() !== null) return {}
  return {
    onEvent(event) {
      turn.learn(event)
      view.onEvent?.(event)
    },
  }
}

interface Interrupts extends Disposable {
  readonly first: Promise<{ readonly kind: 'interrupt' }>
  readonly second: Promise<{ readonly kind: 'interrupt' }>
}

/** Stops listening after the second, so that a third Ctrl-C ends the program at once. */
function countInterrupts(deps: Pick<CliDeps, 'onInterrupt'>): Interrupts {
  const first = Promise.withResolvers<{ readonly kind: 'interrupt' }>()
  const second = Promise.withResolvers<{ readonly kind: 'interrupt' }>()
  let seen = 0
  const listening = deps.onInterrupt(() => {
    seen += 1
    if (seen === 1) return first.resolve({ kind: 'interrupt' })
    second.resolve({ kind: 'interrupt' })
    listening[Symbol.dispose]()
  })
  return {
    first: first.promise,
    second: second.promise,
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  }
}

const readerLeft = (session: Session): Promise<{ readonly kind: 'reader-left' }> =>
  session.out.broken.then(() => ({ kind: 'reader-left' }) as const)

/** The timer does not keep the program alive; the open connection does. */
const expiry = (clock: Clock, ms: number): Promise<{ readonly kind: 'expired' }> =>
  new Promise(resolve => void clock.after(ms, () => resolve({ kind: 'expired' })))

const cancelWindowMs = 2000
const cancelTimeoutMs = 10_000
