import { once } from 'node:events'
import type { Writable } from 'node:stream'

/** Plain lines for a person. */
export interface Screen {
  /** A heading, with an empty line before it. */
  heading(text: string): void
  /** An indented line; a text of several lines is indented as a whole. */
  line(text: string): void
  flush(): Promise<void>
}

export function createScreen(out: Writable): Screen {
  // Whoever read along may leave: the demo goes on. (What the exit code is then, the command line says.)
  out.on('error', () => undefined)
  let isFirst = true
  const write = (text: string): void => {
    if (!out.destroyed && out.writable) out.write(text)
  }
  return {
    heading(text) {
      write(`${isFirst ? '' : '\n'}${plain(text)}\n`)
      isFirst = false
    },
    line: text => write(`${plain(text).replace(/^(?=.)/gm, '  ')}\n`),
    async flush() {
      if (out.writableNeedDrain && !out.destroyed) await Promise.race([once(out, 'drain'), once(out, 'close')])
    },
  }
}

/** Resolves when it is written, or the reader has left; never rejects. */
export async function writeThrough(out: Writable, text: string): Promise<void> {
  out.on('error', () => undefined)
  await new Promise<void>(resolve => void out.write(text, () => resolve()))
}

/** The first lines of a long text, each cut. */
export function excerpt(text: string, lines = 2): string {
  const all = text.split('\n').filter(line => line.trim() !== '')
  const more = all.length > lines ? ` [${all.length - lines} more lines]` : ''
  return (
    all
      .slice(0, lines)
      .map(line => cut(line, 130))
      .join('\n') + more
  )
}

const cut = (line: string, length: number): string => (line.length > length ? `${line.slice(0, length - 1)}…` : line)

/** Texts of other programs must not move a terminal's cursor. */
const plain = (text: string): string => text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, ' ')
