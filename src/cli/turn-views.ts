import { createLiveView } from './live-view.ts'
import { jsonLine } from './plain-text.ts'
import type { Session } from './session.ts'
import { cancelledText, detachedText, isInterrupted } from './turn-view.ts'
import type { TurnView } from './turn-view.ts'
import { writeAnswer } from './write-answer.ts'

/** JSON lines when asked for; live when there is a terminal; otherwise the answer alone. */
export function createTurnView(session: Session): TurnView {
  if (session.isJson) return createJsonView(session)
  const progress = session.err.isTerminal ? session.err : session.out
  return progress.isTerminal ? createLiveView(session, progress) : createQuietView(session)
}

function createJsonView({ out }: Session): TurnView {
  return {
    onEvent: event => out.line(jsonLine({ type: 'event', ...event })),
    answer: answer => out.line(jsonLine({ type: 'answer', ...answer })),
    detached: turnId => out.line(jsonLine({ type: 'detached', turn_id: turnId })),
    cancelled: (turnId, answer) =>
      out.line(jsonLine({ type: isInterrupted(answer) ? 'cancelled' : 'cancelling', turn_id: turnId, answer })),
    [Symbol.dispose]: () => undefined,
  }
}

function createQuietView(session: Session): TurnView {
  return {
    onEvent: null,
    answer: answer => writeAnswer(session, answer),
    detached: turnId => session.err.line(detachedText(turnId)),
    cancelled: (turnId, answer) => session.err.line(cancelledText(turnId, answer)),
    [Symbol.dispose]: () => undefined,
  }
}
