export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Bytes that a value takes as JSON in UTF-8. */
export function jsonBytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

/** The longest start of a text that takes at most `maxBytes` inside a JSON string, cut between code points. */
export function textWithin(text: string, maxBytes: number): string {
  let bytes = 0
  let end = 0
  for (const char of text) {
    bytes += escapedBytesOf(char)
    if (bytes > maxBytes) return text.slice(0, end)
    end += char.length
  }
  return text
}

function escapedBytesOf(char: string): number {
  const point = char.codePointAt(0) ?? 0
  if (point < 0x20) return shortEscapes.has(char) ? 2 : 6
  if (char === '"' || char === '\\') return 2
  if (point < 0x80) return 1
  if (point < 0x8_00) return 2
  // A lone surrogate is written as \udxxx.
  if (point < 0x1_00_00) return point >= 0xd8_00 && point <= 0xdf_ff ? 6 : 3
  return 4
}

const shortEscapes = new Set(['\b', '\t', '\n', '\f', '\r'])
