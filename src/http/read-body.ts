import { isNestedDeeper, maxNesting, messageOf } from '#kernel'
import { bodyMalformed, bodyTooLarge, bodyTypeWrong } from './errors.ts'
import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'

/** One JSON object, counted while it is read. No body is an empty object. How long it may take is the server's affair. */
export async function readJsonBody(request: {
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  readonly maxBodyBytes: number
}): Promise<JsonObject> {
  const type = request.headers.get('content-type')
  if (type !== null && !isJson(type)) throw bodyTypeWrong(type)
  const bytes = await bytesOf(request)
  if (bytes.length === 0) return {}
  // Without a type a browser may send it from any page and ask nobody.
  if (type === null) throw bodyTypeWrong(undefined)
  const value = parsed(bytes)
  if (!isObject(value)) throw bodyMalformed(`it is ${wordOf(value)}, not an object`)
  return value
}

async function bytesOf(request: {
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  readonly maxBodyBytes: number
}): Promise<Buffer> {
  const { body, maxBodyBytes } = request
  if (Number(request.headers.get('content-length') ?? 0) > maxBodyBytes) throw bodyTooLarge(maxBodyBytes)
  if (body === null) return Buffer.alloc(0)
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body.getReader()
  // A client that leaves in the middle, or is too slow, is no fault of ours.
  const read = () => reader.read().catch(() => ({ done: undefined }) as const)
  try {
    for (let next = await read(); next.done !== true; next = await read()) {
      if (next.done === undefined) throw bodyMalformed('it ended before it was whole')
      length += next.value.byteLength
      if (length > maxBodyBytes) throw bodyTooLarge(maxBodyBytes)
      chunks.push(next.value)
    }
  } finally {
    reader.releaseLock()
  }
  return Buffer.concat(chunks)
}

const isJson = (type: string): boolean => /^application\/json\s*(?:;|$)/i.test(type)

function parsed(bytes: Buffer): unknown {
  const text = textOf(bytes)
  if (isNestedDeeper(text, maxNesting)) throw bodyMalformed(`it is nested deeper than ${maxNesting}`)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw bodyMalformed(messageOf(error).slice(0, 200))
  }
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw bodyMalformed(messageOf(error).slice(0, 200))
  }
}

function wordOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
