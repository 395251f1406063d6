import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { AppError, messageOf } from '#kernel'
import { bodyTooLarge, bodyUnreadable } from './errors.ts'
import { isObject } from './request-view.ts'
import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import type { JsonObject } from './request-view.ts'

export interface ReadBody {
  readonly json: JsonObject
  readonly bytes: number
}

/** Reads, decompresses and parses a request body; `maxBytes` holds before and after decompression. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<ReadBody> {
  const encoding = request.headers['content-encoding']
  const plain = encoding === undefined || encoding === 'identity'
  const bytes = await collect(request, plain ? undefined : decoderOf(encoding), maxBytes)
  return { json: parse(bytes), bytes: bytes.length }
}

/** Never destroys the request: its connection must still carry the refusal. */
async function collect(request: IncomingMessage, decoder: Transform | undefined, maxBytes: number): Promise<Buffer> {
  if (decoder === undefined) return gather(request, maxBytes)
  request.once('error', error => decoder.destroy(error))
  try {
    return await gather(request.pipe(decoder), maxBytes)
  } catch (error) {
    if (error instanceof AppError) throw error
    throw bodyUnreadable(messageOf(error), error)
  } finally {
    request.unpipe(decoder)
    decoder.destroy()
  }
}

async function gather(source: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(chunk)) continue
    total += chunk.length
    // Counted as it comes: zlib's own limit does not hold for streams.
    if (total > maxBytes) throw bodyTooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function decoderOf(encoding: string): Transform {
  switch (encoding.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    default:
      throw bodyUnreadable(`unknown content-encoding ${JSON.stringify(encoding.slice(0, 40))}`)
  }
}

function parse(bytes: Buffer): JsonObject {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    if (isObject(parsed)) return parsed
  } catch (error) {
    throw bodyUnreadable(messageOf(error), error)
  }
  throw bodyUnreadable('it is not a JSON object')
}
