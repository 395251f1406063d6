import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'

export interface KeptEventsLimits {
  readonly maxEvents: number
  readonly maxChars: number
}

interface Kept {
  readonly id: string
  readonly streamId: string
  readonly message: JSONRPCMessage
  readonly chars: number
}

/**
 * The latest messages of one session, so that a client whose connection broke gets what it missed (`Last-Event-ID`). Bounded: the oldest
 * go first, and who comes back too late gets what is still there; an answer is the last message of its stream.
 */
export function createKeptEvents(limits: KeptEventsLimits): EventStore {
  const kept: Kept[] = []
  let chars = 0
  let seq = 0

  return {
    storeEvent(streamId, message) {
      seq += 1
      const event = { id: `${seq}_${streamId}`, streamId, message, chars: JSON.stringify(message).length }
      kept.push(event)
      chars += event.chars
      while (kept.length > 1 && (kept.length > limits.maxEvents || chars > limits.maxChars))
        chars -= kept.shift()?.chars ?? 0
      return Promise.resolve(event.id)
    },
    // The id alone says it, also when the event itself is gone.
    getStreamIdForEventId: id => Promise.resolve(partsOf(id, seq)?.streamId),
    async replayEventsAfter(lastId, { send }) {
      const last = partsOf(lastId, seq)
      if (last === undefined) throw new Error('an event id that is not ours')
      const missed = kept.filter(
        ({ id, streamId }) => streamId === last.streamId && (partsOf(id, seq)?.seq ?? 0) > last.seq,
      )
      // The first event of a stream is empty: it only tells the client an id.
      for (const { id, message } of missed) if ('jsonrpc' in message) await send(id, message)
      return last.streamId
    },
  }
}

function partsOf(id: string, newest: number): { readonly seq: number; readonly streamId: string } | undefined {
  const [, text, streamId] = /^(\d{1,15})_([\w-]{1,64})$/.exec(id) ?? []
  const seq = Number(text)
  return streamId === undefined || seq > newest ? undefined : { seq, streamId }
}
