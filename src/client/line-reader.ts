/** Cuts bytes into lines of text; keeps at most one unfinished line. Throws a RangeError when that exceeds `maxBytes`. */
export function createLineReader(maxBytes: number): (chunk: Buffer) => readonly string[] {
  let parts: Buffer[] = []
  let size = 0
  return chunk => {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end))
      lines.push(Buffer.concat(parts).toString('utf8'))
      parts = []
      size = 0
      start = end + 1
    }
    parts.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > maxBytes) throw new RangeError(`a line is longer than ${maxBytes} bytes`)
    return lines
  }
}
