import { isObject } from './json.ts'
import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js'

export interface KeptEventsLimits {
  readonly maxEvents: number
  readonly maxChars: number
  /** Streams of which is known whether they are over. */
  readonly maxStreams: number
}

export interface MissedEvent {
  readonly id: string
  readonly message: JSONRPCMessage
}

/** What a client that comes back with the id of an event has missed. */
export type Resumption =
  /** Not an id of ours. */
  | { readonly kind: 'unknown' }
  /** More will come on this stream. */
  | { readonly kind: 'live' }
  /** Nothing more will come. An answer that is not kept any more is an error that says so. */
  | { readonly kind: 'over'; readonly missed: readonly MissedEvent[] }
  /** It was over so long ago that nothing is known of it. */
  | { readonly kind: 'forgotten' }

export interface KeptEvents extends EventStore {
  resume(lastId: string): Resumption
}

interface Kept extends MissedEvent {
  readonly seq: number
  readonly streamId: string
  readonly isAnswer: boolean
  readonly chars: number
}

interface Answered {
  readonly seq: number
  readonly requestId: RequestId
  readonly turnId: string | undefined
}

/**
 * The latest messages of one session, so that a client whose connection broke gets what it missed (`Last-Event-ID`). Bounded: the oldest
 * go first, answers last, and of an answer that had to go is kept that there was one.
 */
export function createKeptEvents(limits: KeptEventsLimits): KeptEvents {
  let kept: readonly Kept[] = []
  let chars = 0
  let seq = 0
  /** Streams in the order of their beginning -> their answers. A stream with one is over. */
  const streams = new Map<string, readonly Answered[]>()

  function note(streamId: string, message: JSONRPCMessage): void {
    const answers = streams.get(streamId) ?? []
    streams.set(
      streamId,
      isAnswer(message) ? [...answers, { seq, requestId: message.id, turnId: turnIdOf(message) }] : answers,
    )
    if (streams.size <= limits.maxStreams) return
    const isOver = (id: string): boolean => id !== streamId && streams.get(id)?.length !== 0
    const oldest = streams.keys().find(isOver) ?? streams.keys().next().value
    if (oldest !== undefined) streams.delete(oldest)
  }

  function keep(event: Kept): void {
    kept = [...kept, event]
    chars += event.chars
    while (kept.length > 1 && (kept.length > limits.maxEvents || chars > limits.maxChars)) {
      const gone = kept.find(other => !other.isAnswer && other !== event) ?? kept[0]
      kept = kept.filter(other => other !== gone)
      chars -= gone?.chars ?? 0
    }
  }

  const missedAfter = (last: Cursor): readonly Kept[] =>
    kept.filter(event => event.streamId === last.streamId && event.seq > last.seq)

  return {
    storeEvent(streamId, message) {
      seq += 1
      const id = `${seq}_${streamId}`
      note(streamId, message)
      // The first event of a stream is empty: it only tells the client an id.
      if ('jsonrpc' in message)
        keep({ id, seq, streamId, message, isAnswer: isAnswer(message), chars: JSON.stringify(message).length })
      return Promise.resolve(id)
    },
    // The id alone says it, also when the event itself is gone.
    getStreamIdForEventId: id => Promise.resolve(cursorOf(id, seq)?.streamId),
    async replayEventsAfter(lastId, { send }) {
      const last = cursorOf(lastId, seq)
      if (last === undefined) throw new Error('an event id that is not ours')
      for (const { id, message } of missedAfter(last)) await send(id, message)
      return last.streamId
    },
    resume(lastId) {
      const last = cursorOf(lastId, seq)
      if (last === undefined) return { kind: 'unknown' }
      const answers = streams.get(last.streamId)
      if (answers === undefined) return { kind: 'forgotten' }
      if (answers.length === 0) return { kind: 'live' }
      const there = missedAfter(last)
      const gone = answers.filter(answer => answer.seq > last.seq && there.every(event => event.seq !== answer.seq))
      return { kind: 'over', missed: [...there, ...gone.map(answer => lost(answer, last.streamId))] }
    },
  }
}

function lost({ seq, requestId, turnId }: Answered, streamId: string): MissedEvent {
  const which = turnId === undefined ? '' : ` with turn_id ${turnId}`
  const message = `the answer is not kept any more; its turn goes on, do not send the prompt again: call codex_wait${which}`
  return { id: `${seq}_${streamId}`, message: { jsonrpc: '2.0', id: requestId, error: { code: -32_000, message } } }
}

function turnIdOf(message: JSONRPCMessage): string | undefined {
  const content = 'result' in message ? message.result['structuredContent'] : undefined
  const turnId = isObject(content) ? content['turn_id'] : undefined
  return typeof turnId === 'string' && turnId.length <= 100 ? turnId : undefined
}

function isAnswer(message: JSONRPCMessage): message is Extract<JSONRPCMessage, { id: RequestId }> {
  return 'id' in message && message.id !== undefined && !('method' in message)
}

interface Cursor {
  readonly seq: number
  readonly streamId: string
}

function cursorOf(id: string, newest: number): Cursor | undefined {
  const [, text, streamId] = /^(\d{1,15})_([\w-]{1,64})$/.exec(id) ?? []
  const seq = Number(text)
  return streamId === undefined || seq > newest ? undefined : { seq, streamId }
}
