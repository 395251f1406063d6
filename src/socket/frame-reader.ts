import { isNestedDeeper, maxNesting, messageOf } from '#kernel'
import { frameMalformed, frameTooLarge } from './errors.ts'

/** Cuts a stream of bytes into lines; keeps at most one unfinished line, of at most `maxBytes`. */
export interface FrameReader {
  /** The whole lines that `chunk` completed. Throws SOCKET_FRAME_TOO_LARGE; the reader is useless after that. */
  push(chunk: Buffer): readonly Buffer[]
  /** The unfinished line if it looks like a whole object already: some clients never send a newline. */
  peekObject(): Buffer | undefined
  /** Takes the unfinished line out. */
  takeRest(): Buffer
}

export function createFrameReader(maxBytes: number): FrameReader {
  let parts: Buffer[] = []
  let size = 0

  function keep(part: Buffer): void {
    size += part.length
    if (size > maxBytes) throw frameTooLarge(maxBytes)
    if (part.length > 0) parts.push(part)
  }

  function take(): Buffer {
    const whole = Buffer.concat(parts)
    parts = []
    size = 0
    return whole
  }

  return {
    push(chunk) {
      const frames: Buffer[] = []
      let start = 0
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        keep(chunk.subarray(start, end))
        frames.push(take())
        start = end + 1
      }
      keep(chunk.subarray(start))
      return frames
    },
    peekObject() {
      // Bounded, because a look costs a copy of all that has come.
      if (size === 0 || size > maxPeekBytes || parts.at(-1)?.at(-1) !== closingBrace) return undefined
      return Buffer.concat(parts)
    },
    takeRest: take,
  }
}

/** The value of a line. Throws SOCKET_FRAME_MALFORMED for what is not UTF-8 or not JSON. */
export function parseFrame(line: Buffer): unknown {
  const text = textOf(line)
  if (isNestedDeeper(text, maxNesting)) throw frameMalformed(`it is nested deeper than ${maxNesting}`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw frameMalformed(messageOf(error).slice(0, 200))
  }
}

function textOf(line: Buffer): string {
  try {
    return strictUtf8.decode(line)
  } catch (error) {
    throw frameMalformed(messageOf(error).slice(0, 200))
  }
}

export const isBlank = (line: Buffer): boolean => line.every(byte => byte === 0x20 || byte === 0x0d || byte === 0x09)

const strictUtf8 = new TextDecoder('utf-8', { fatal: true })
const newline = 0x0a
const closingBrace = 0x7d
const maxPeekBytes = 262_144
