import type { TurnAnswer } from '#contracts'
import { plain } from '#kernel'
import { duration } from './figures.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'
import { writeError } from './show-error.ts'

/** The answer on stdout and nothing else there; what is wrong with it goes to stderr. */
export function writeAnswer(session: Session, answer: TurnAnswer): void {
  if (answer.status === 'completed') writeMessages(session, answer)
  writeProblems(session, answer)
}

/** What a person has to know besides the answer: an error, a turn that goes on, an answer that was cut. */
export function writeProblems({ err }: Session, answer: TurnAnswer): void {
  if (answer.error !== null) {
    writeError(err, answer.error)
    err.line(`  turn: ${plain(answer.turn_id)} (\`tandem result ${plain(answer.turn_id)}\` shows what there is of it)`)
  } else if (answer.status === 'interrupted') {
    err.line(`tandem: the turn was interrupted; \`tandem result ${plain(answer.turn_id)}\` shows what there is of it`)
  }
  if (answer.status === 'running' || answer.status === 'queued') {
    err.line(`tandem: the turn is still ${answer.status} after ${duration(answer.elapsed_ms)}, and goes on`)
    err.line(`  cure: come back to it with \`tandem wait ${plain(answer.turn_id)}\``)
  }
  if (answer.read_on !== undefined) {
    const { offset, total } = answer.read_on
    err.line(`tandem: the answer was cut at ${offset} of ${total} characters`)
    err.line(`  cure: read on with \`tandem result ${plain(answer.turn_id)} --offset ${offset}\``)
  }
}

/** All messages when they were asked for, each kind but the messages themselves labelled; otherwise the last. */
function writeMessages({ out }: Session, answer: TurnAnswer): void {
  if (answer.all_messages === undefined || answer.all_messages.length === 0) {
    writeBlock(out, answer.agent_messages)
    return
  }
  const blocks = answer.all_messages.map(({ kind, text }) => (kind === 'message' ? text : `[${kind}] ${text}`))
  writeBlock(out, blocks.map(block => block.trimEnd()).join('\n\n'))
}

/** Plain text that ends with one line end. */
export function writeBlock(out: Output, text: string): void {
  const lines = plain(text)
  if (lines !== '') out.write(lines.endsWith('\n') ? lines : `${lines}\n`)
}
