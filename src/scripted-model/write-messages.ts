import { errorBodyOf } from './dialect-errors.ts'
import { newWireId } from './wire-ids.ts'
import type { AnswerEnd, AnswerOptions, AnswerWriter, ScriptedError, ToolCall, Usage } from './answer.ts'
import type { Outlet } from './outlet.ts'
import { isObject } from './request-view.ts'
import type { JsonObject } from './request-view.ts'

/** Anthropic Messages: https://docs.anthropic.com/en/docs/build-with-claude/streaming */
export class MessagesWriter implements AnswerWriter {
  readonly #outlet: Outlet
  readonly #options: AnswerOptions
  readonly #inputUsage: JsonObject
  readonly #id = newWireId('msg')
  readonly #content: JsonObject[] = []
  #isOpen = false
  #text = ''

  /** The stream begins with what the input costs, so it must be known then. */
  constructor(outlet: Outlet, options: AnswerOptions, input: Pick<Usage, 'input' | 'cached'>) {
    this.#outlet = outlet
    this.#options = options
    this.#inputUsage = {
      input_tokens: Math.max(0, input.input - input.cached),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: input.cached,
    }
  }

  async open(): Promise<void> {
    if (this.#isOpen) return
    this.#isOpen = true
    if (!this.#options.stream) return
    this.#outlet.open('text/event-stream', this.#options.headers)
    await this.#send('message_start', { message: this.#message(null, 1) })
  }

  async reasoning(text: string): Promise<void> {
    await this.#start({ type: 'thinking', thinking: '', signature: '' })
    await this.#delta({ type: 'thinking_delta', thinking: text })
    await this.#delta({ type: 'signature_delta', signature: 'scripted' })
    await this.#stop({ type: 'thinking', thinking: text, signature: 'scripted' })
  }

  async beginText(): Promise<void> {
    this.#text = ''
    await this.#start({ type: 'text', text: '' })
  }

  async textDelta(delta: string): Promise<void> {
    this.#text += delta
    await this.#delta({ type: 'text_delta', text: delta })
  }

  async endText(): Promise<void> {
    await this.#stop({ type: 'text', text: this.#text })
  }

  async toolCall(call: ToolCall): Promise<void> {
    const block = { type: 'tool_use', id: call.id, name: call.name }
    await this.#start({ ...block, input: {} })
    const half = Math.ceil(call.input.length / 2)
    await this.#delta({ type: 'input_json_delta', partial_json: call.input.slice(0, half) })
    await this.#delta({ type: 'input_json_delta', partial_json: call.input.slice(half) })
    await this.#stop({ ...block, input: objectIn(call.input) })
  }

  async finish(end: AnswerEnd): Promise<void> {
    await this.open()
    const stop = this.#stopReason(end)
    if (!this.#options.stream)
      return this.#outlet.json(200, this.#message(stop, end.usage.output), this.#options.headers)
    const usage = { ...this.#inputUsage, output_tokens: end.usage.output }
    await this.#send('message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage })
    await this.#send('message_stop', {})
    this.#outlet.end()
  }

  async fail(error: ScriptedError): Promise<void> {
    const body = errorBodyOf('messages', error)
    if (!this.#outlet.isOpen) return this.#outlet.json(error.status, body, error.headers)
    await this.#outlet.event('error', body)
    this.#outlet.end()
  }

  #stopReason(end: AnswerEnd): string {
    if (end.isIncomplete) return 'max_tokens'
    return this.#content.some(block => block['type'] === 'tool_use') ? 'tool_use' : 'end_turn'
  }

  #message(stopReason: string | null, outputTokens: number): JsonObject {
    return {
      id: this.#id,
      type: 'message',
      role: 'assistant',
      model: this.#options.model,
      content: stopReason === null ? [] : this.#content,
      stop_reason: stopReason,
      stop_sequence: null,
      usage: { ...this.#inputUsage, output_tokens: outputTokens },
    }
  }

  async #start(block: JsonObject): Promise<void> {
    await this.open()
    await this.#send('content_block_start', { index: this.#content.length, content_block: block })
  }

  async #delta(delta: JsonObject): Promise<void> {
    await this.#send('content_block_delta', { index: this.#content.length, delta })
  }

  async #stop(block: JsonObject): Promise<void> {
    await this.#send('content_block_stop', { index: this.#content.length })
    this.#content.push(block)
  }

  async #send(type: string, data: JsonObject): Promise<void> {
    if (this.#options.stream) await this.#outlet.event(type, { type, ...data })
  }
}

/** A stream passes broken arguments on as they are; a JSON body has no place for them. */
function objectIn(json: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(json)
    return isObject(parsed) ? parsed : {}
  } catch {
    // Broken on purpose by the scenario.
    return {}
  }
}
