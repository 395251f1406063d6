import { errorBodyOf } from './dialect-errors.ts'
import { newWireId } from './wire-ids.ts'
import type { AnswerEnd, AnswerOptions, AnswerWriter, ScriptedError, ToolCall } from './answer.ts'
import type { Outlet } from './outlet.ts'
import type { JsonObject } from './request-view.ts'

/** OpenAI Responses: https://platform.openai.com/docs/api-reference/responses-streaming */
export class ResponsesWriter implements AnswerWriter {
  readonly #outlet: Outlet
  readonly #options: AnswerOptions
  readonly #id = newWireId('resp')
  readonly #output: JsonObject[] = []
  #isOpen = false
  #sequence = 0
  #message = { id: '', text: '' }

  constructor(outlet: Outlet, options: AnswerOptions) {
    this.#outlet = outlet
    this.#options = options
  }

  async open(): Promise<void> {
    if (this.#isOpen) return
    this.#isOpen = true
    if (!this.#options.stream) return
    this.#outlet.open('text/event-stream', this.#options.headers)
    await this.#send('response.created', { response: this.#response('in_progress') })
    await this.#send('response.in_progress', { response: this.#response('in_progress') })
  }

  async reasoning(text: string): Promise<void> {
    const part = { type: 'summary_text', text }
    const item = { type: 'reasoning', id: newWireId('rs'), summary: [part], encrypted_content: 'scripted' }
    const at = { item_id: item.id, output_index: this.#output.length, summary_index: 0 }
    await this.#added({ ...item, summary: [] })
    await this.#send('response.reasoning_summary_part.added', { ...at, part: { ...part, text: '' } })
    await this.#send('response.reasoning_summary_text.delta', { ...at, delta: text })
    await this.#send('response.reasoning_summary_text.done', { ...at, text })
    await this.#send('response.reasoning_summary_part.done', { ...at, part })
    await this.#done(item)
  }

  async beginText(): Promise<void> {
    this.#message = { id: newWireId('msg'), text: '' }
    await this.#added({ ...this.#messageItem('in_progress'), content: [] })
    await this.#send('response.content_part.added', { ...this.#textPlace(), part: textPart('') })
  }

  async textDelta(delta: string): Promise<void> {
    this.#message.text += delta
    await this.#send('response.output_text.delta', { ...this.#textPlace(), delta, logprobs: [] })
  }

  async endText(): Promise<void> {
    const { text } = this.#message
    await this.#send('response.output_text.done', { ...this.#textPlace(), text, logprobs: [] })
    await this.#send('response.content_part.done', { ...this.#textPlace(), part: textPart(text) })
    await this.#done(this.#messageItem('completed'))
  }

  async toolCall(call: ToolCall): Promise<void> {
    const field = call.kind === 'custom' ? 'input' : 'arguments'
    const item = {
      type: call.kind === 'custom' ? 'custom_tool_call' : 'function_call',
      id: newWireId(call.kind === 'custom' ? 'ctc' : 'fc'),
      call_id: call.id,
      name: call.name,
      ...(call.namespace === undefined ? {} : { namespace: call.namespace }),
      [field]: call.input,
      status: 'completed',
    }
    const event = call.kind === 'custom' ? 'response.custom_tool_call_input' : 'response.function_call_arguments'
    const at = { item_id: item.id, output_index: this.#output.length }
    await this.#added({ ...item, [field]: '', status: 'in_progress' })
    await this.#send(`${event}.delta`, { ...at, delta: call.input })
    await this.#send(`${event}.done`, { ...at, [field]: call.input })
    await this.#done(item)
  }

  async finish(end: AnswerEnd): Promise<void> {
    await this.open()
    const { input, output, cached } = end.usage
    const status = end.isIncomplete ? 'incomplete' : 'completed'
    const response = {
      ...this.#response(status),
      incomplete_details: end.isIncomplete ? { reason: 'max_output_tokens' } : null,
      usage: {
        input_tokens: input,
        input_tokens_details: { cached_tokens: cached },
        output_tokens: output,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: input + output,
      },
    }
    if (!this.#options.stream) return this.#outlet.json(200, response, this.#options.headers)
    await this.#send(`response.${status}`, { response })
    this.#outlet.end()
  }

  async fail(error: ScriptedError): Promise<void> {
    if (!this.#outlet.isOpen) {
      return this.#outlet.json(error.status, errorBodyOf('responses', error), error.headers)
    }
    const code = error.code ?? error.type ?? 'server_error'
    const failure = { ...error.data, code, message: error.message }
    await this.#send('response.failed', { response: { ...this.#response('failed'), error: failure } })
    this.#outlet.end()
  }

  #response(status: string): JsonObject {
    return {
      id: this.#id,
      object: 'response',
      created_at: Math.floor(this.#options.nowMs / 1000),
      status,
      model: this.#options.model,
      output: status === 'in_progress' ? [] : this.#output,
      error: null,
      incomplete_details: null,
      instructions: null,
      metadata: {},
      parallel_tool_calls: true,
      tool_choice: 'auto',
      tools: [],
      usage: null,
    }
  }

  #messageItem(status: string): JsonObject {
    const { id, text } = this.#message
    return { type: 'message', id, role: 'assistant', status, content: [textPart(text)] }
  }

  #textPlace(): JsonObject {
    return { item_id: this.#message.id, output_index: this.#output.length, content_index: 0 }
  }

  async #added(item: JsonObject): Promise<void> {
    await this.open()
    await this.#send('response.output_item.added', { output_index: this.#output.length, item })
  }

  async #done(item: JsonObject): Promise<void> {
    await this.#send('response.output_item.done', { output_index: this.#output.length, item })
    this.#output.push(item)
  }

  async #send(type: string, data: JsonObject): Promise<void> {
    if (!this.#options.stream) return
    await this.#outlet.event(type, { type, sequence_number: this.#sequence, ...data })
    this.#sequence += 1
  }
}

function textPart(text: string): JsonObject {
  return { type: 'output_text', text, annotations: [], logprobs: [] }
}
