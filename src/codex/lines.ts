export interface LineReader {
  /** Takes the next bytes; calls `onLine` for each whole line in order. After `onTooLong` everything is ignored. */
  push(chunk: Buffer): void
}

export interface LineReaderOptions {
  readonly maxBytes: number
  readonly onLine: (line: string) => void
  readonly onTooLong: (bytes: number) => void
}

/** Cuts bytes into lines without looking at any byte twice; a line longer than `maxBytes` ends the reading. */
export function createLineReader(options: LineReaderOptions): LineReader {
  let parts: Buffer[] = []
  let held = 0
  let isOver = false
  const take = (part: Buffer): boolean => {
    held += part.length
    if (held <= options.maxBytes) return parts.push(part) > 0
    isOver = true
    parts = []
    options.onTooLong(held)
    return false
  }
  return {
    push(chunk) {
      if (isOver) return
      let from = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
        if (!take(chunk.subarray(from, end))) return
        const line = Buffer.concat(parts, held).toString('utf8')
        parts = []
        held = 0
        from = end + 1
        if (line.trim() !== '') options.onLine(line)
      }
      if (from < chunk.length) take(chunk.subarray(from))
    },
  }
}
