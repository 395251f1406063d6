import type { Output } from './output.ts'
import { cutTo } from './plain-text.ts'

/** The one line at the bottom that is drawn over. What is written above it goes through `above`. */
export interface StatusLine extends Disposable {
  /** Draws it anew; `text` is plain. */
  show(text: string): void
  /** Takes it away while `write` writes whole lines, then puts it back. */
  above(write: () => void): void
}

export function createStatusLine(out: Output): StatusLine {
  let shown = ''
  const clear = (): void => {
    if (shown !== '') out.write('\r\x1b[2K')
  }
  const draw = (): void => {
    if (shown !== '') out.write(`\r\x1b[2K${out.paint.dim(cutTo(shown, out.columns() - 1))}`)
  }
  return {
    show(text) {
      if (!out.canRedraw || text === shown) return
      if (text === '') clear()
      shown = text
      draw()
    },
    above(write) {
      clear()
      write()
      draw()
    },
    [Symbol.dispose]() {
      clear()
      shown = ''
    },
  }
}
