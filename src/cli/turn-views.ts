import type { WireEvent } from '#contracts'
import { dataOf, noteOf } from './event-note.ts'
import { createLiveView } from './live-view.ts'
import type { Output } from './output.ts'
import { jsonLine } from './plain-text.ts'
import type { Session } from './session.ts'
import { cancelledText, detachedText, isInterrupted } from './turn-view.ts'
import type { TurnView } from './turn-view.ts'
import { writeAnswer } from './write-answer.ts'

/** JSON lines when asked for; live when there is a terminal; otherwise the answer alone, and on stderr why it takes long. */
export function createTurnView(session: Session, options: TurnViewOptions = {}): TurnView {
  if (session.isJson) return createJsonView(session)
  const progress = session.err.isTerminal ? session.err : session.out
  return progress.isTerminal ? createLiveView(session, progress) : createQuietView(session, options)
}

interface TurnViewOptions {
  /** Only the answer counts: no events are asked for when nothing else shows them. */
  readonly isAnswerEnough?: boolean
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

function createQuietView(session: Session, { isAnswerEnough = false }: TurnViewOptions): TurnView {
  return {
    onEvent: isAnswerEnough ? null : createRetryNotes(session.err),
    answer: answer => writeAnswer(session, answer),
    detached: turnId => session.err.line(detachedText(turnId)),
    cancelled: (turnId, answer) => session.err.line(cancelledText(turnId, answer)),
    [Symbol.dispose]: () => undefined,
  }
}

/** A provider that is away is retried for minutes, and nothing else tells whoever waits. Each reason once until work goes on. */
function createRetryNotes(err: Output): (event: WireEvent) => void {
  let told = ''
  return event => {
    const text = dataOf(event, 'retrying') === null ? '' : (noteOf(event)?.text ?? '')
    if (text !== '' && text !== told) err.line(`tandem: ${text}`)
    told = text
  }
}
