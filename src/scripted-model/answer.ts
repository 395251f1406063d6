import type { JsonObject } from './request-view.ts'

export interface Usage {
  /** The whole input, cached tokens included. */
  readonly input: number
  readonly output: number
  readonly cached: number
}

/** A tool call as the wire wants it: `custom` tools take text, functions take JSON. */
export interface ToolCall {
  readonly name: string
  readonly kind: 'function' | 'custom'
  readonly input: string
  readonly id: string
  readonly namespace?: string
}

export interface AnswerEnd {
  readonly usage: Usage
  readonly isIncomplete: boolean
}

export interface ScriptedError {
  readonly status: number
  readonly type?: string | undefined
  readonly code?: string | undefined
  readonly message: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly data?: JsonObject | undefined
}

/** Writes one answer in one protocol, as a stream of events or as one JSON body. */
export interface AnswerWriter {
  /** Sends headers and the first events of a stream; later calls do nothing. */
  open(): Promise<void>
  reasoning(text: string): Promise<void>
  beginText(): Promise<void>
  textDelta(delta: string): Promise<void>
  endText(): Promise<void>
  toolCall(call: ToolCall): Promise<void>
  finish(end: AnswerEnd): Promise<void>
  /** A plain HTTP error as long as nothing went out, the protocol's error event after that. */
  fail(error: ScriptedError): Promise<void>
}

/** What both writers are given about the request. */
export interface AnswerOptions {
  readonly model: string
  readonly stream: boolean
  /** Response headers of a successful answer. */
  readonly headers: Readonly<Record<string, string>>
  readonly nowMs: number
}
