import type { WireEvent } from '#contracts'
import { plainLine } from '#kernel'
import { noteOf } from './event-note.ts'
import type { Tone } from './event-note.ts'
import { moment } from './figures.ts'
import type { Output } from './output.ts'
import { cutTo } from './plain-text.ts'

/**
 * Events for a terminal, one line each, as they come: seq, time, kind, text cut to what is left. Whose they are stands in a
 * line of its own whenever that changes, so that it takes no room of every line.
 */
export function createEventLines(out: Output, options: { readonly isOneTurn: boolean }): (event: WireEvent) => void {
  let turn: string | null = null
  return event => {
    if (!options.isOneTurn && event.turn_id !== turn) {
      turn = event.turn_id
      out.line(out.paint.bold(turn === null ? 'no turn' : plainLine(turn)))
    }
    const { tone, text } = noteOf(event)
    const start = `${String(event.seq).padStart(6)}  ${timeOf(event.at, out.columns())}  `
    const kind = plainLine(event.kind).padEnd(kindColumns)
    const room = out.columns() - start.length - kind.length - 2
    // On a terminal too narrow for both the text says enough.
    const body = room >= leastText ? `${kind}  ${cutTo(text, room)}` : cutTo(text, out.columns() - start.length)
    out.line(`${out.paint.dim(start)}${painted(out, tone)(body.trimEnd())}`)
  }
}

/** The day is left out where there is no room for it. */
function timeOf(at: number, columns: number): string {
  const whole = moment(at)
  return columns >= 100 ? whole : whole.slice(11)
}

function painted({ paint }: Output, tone: Tone): (text: string) => string {
  switch (tone) {
    case 'good':
      return paint.green
    case 'warning':
      return paint.yellow
    case 'bad':
      return paint.red
    case 'quiet':
      return paint.dim
    case 'plain':
      return text => text
  }
}

/** The longest kinds there are. */
const kindColumns = 17
const leastText = 24
