import { describe, expect, test } from 'vitest'
import { callTool, failWith, rule, say, scenario, startScriptedModel } from './index.ts'
import { bodyFor, post } from './test-client.ts'
import type { Dialect } from './request-view.ts'
import type { Reply, Step } from './index.ts'
import type { Received } from './test-client.ts'

const paths = { responses: '/v1/responses', messages: '/v1/messages' } as const

async function play(
  dialect: Dialect,
  stream: boolean,
  steps: readonly Step[],
  over: Partial<Reply> = {},
): Promise<Received> {
  const reply = { steps: [...steps], ...over }
  await using model = await startScriptedModel({
    scenario: { name: 'steps', rules: [{ name: 'only', when: {}, reply }] },
  })
  return await post(model.url + paths[dialect], bodyFor(dialect, 'hi', { stream }))
}

const typesOf = (received: Received) => received.events.map(event => event['type'])
const usage = { input: 100, output: 7, cached: 40 }

describe('Responses', () => {
  test('streams text in chunks and ends with usage', async () => {
    const got = await play('responses', true, [{ text: 'héllo 🙂 world', chunks: 3 }], { usage })
    expect(typesOf(got)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      ...Array.from({ length: 3 }, () => 'response.output_text.delta'),
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(got.events.flatMap(event => (typeof event['delta'] === 'string' ? [event['delta']] : [])).join('')).toBe(
      'héllo 🙂 world',
    )
    expect(got.events.map(event => event['sequence_number'])).toEqual(got.events.map((_, at) => at))
    expect(got.events.at(-1)).toMatchObject({
      response: {
        status: 'completed',
        model: 'gpt-5.5',
        output: [{ type: 'message', content: [{ type: 'output_text', text: 'héllo 🙂 world' }] }],
        usage: { input_tokens: 100, input_tokens_details: { cached_tokens: 40 }, output_tokens: 7, total_tokens: 107 },
      },
    })
    expect(got.text).toContain('event: response.created\ndata: ')
  })

  test.each([true, false])('gives reasoning, text and a function call (stream: %s)', async stream => {
    const got = await play('responses', stream, [{ reasoning: 'think' }, say('now'), callTool('look', { at: 'x' })])
    const response = stream ? got.events.at(-1)?.['response'] : JSON.parse(got.text)
    expect(response).toMatchObject({
      object: 'response',
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'think' }] },
        { type: 'message', role: 'assistant' },
        { type: 'function_call', name: 'look', arguments: '{"at":"x"}', call_id: expect.stringMatching(/^call_/) },
      ],
    })
    const done = got.events.filter(event => event['type'] === 'response.output_item.done')
    expect(done.map(event => event['output_index'])).toEqual(stream ? [0, 1, 2] : [])
  })

  test.each([true, false])('fails before anything went out with a plain HTTP error (stream: %s)', async stream => {
    const error = {
      status: 429,
      type: 'usage_limit_reached',
      message: 'enough',
      headers: { 'retry-after': '3' },
      data: { resets_at: 9 },
    }
    const got = await play('responses', stream, [{ delayMs: 1 }, { error }])
    expect(got.status).toBe(429)
    expect(got.headers.get('retry-after')).toBe('3')
    expect(JSON.parse(got.text)).toEqual({
      error: { type: 'usage_limit_reached', message: 'enough', code: null, param: null, resets_at: 9 },
    })
  })

  test('fails in an open stream with response.failed', async () => {
    const got = await play('responses', true, [say('half'), failWith(400, 'no', { code: 'invalid_prompt' })])
    expect(got.status).toBe(200)
    expect(got.events.at(-1)).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'invalid_prompt', message: 'no' } },
    })
  })

  test.each([true, false])('says when it stopped at the output limit (stream: %s)', async stream => {
    const got = await play('responses', stream, [say('half')], { status: 'incomplete' })
    const response = stream ? got.events.at(-1)?.['response'] : JSON.parse(got.text)
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } })
  })
})

describe('Messages', () => {
  test('streams text in chunks and ends with usage, cached tokens apart', async () => {
    const got = await play('messages', true, [{ text: 'hello world', chunks: 2 }], { usage })
    expect(typesOf(got)).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
    expect(got.events[0]).toMatchObject({
      message: { model: 'claude-opus-5-5', content: [], usage: { input_tokens: 60, cache_read_input_tokens: 40 } },
    })
    expect(got.events.at(-2)).toMatchObject({ delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } })
  })

  test('streams thinking and a tool call as deltas of JSON', async () => {
    const got = await play('messages', true, [{ reasoning: 'think' }, callTool('Look', { at: 'x' })])
    const deltas = got.events.flatMap(event => (event['type'] === 'content_block_delta' ? [event['delta']] : []))
    expect(deltas).toMatchObject([{ thinking: 'think' }, { signature: 'scripted' }, {}, {}])
    const json = deltas.map(delta => (delta as { partial_json?: string }).partial_json ?? '').join('')
    expect(json).toBe('{"at":"x"}')
    expect(got.events.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  test('gives the same without a stream', async () => {
    const got = await play('messages', false, [{ reasoning: 'think' }, say('now'), callTool('Look', { at: 'x' })], {
      usage,
    })
    expect(JSON.parse(got.text)).toMatchObject({
      type: 'message',
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'think' },
        { type: 'text', text: 'now' },
        { type: 'tool_use', name: 'Look', input: { at: 'x' }, id: expect.stringMatching(/^toolu_/) },
      ],
      stop_reason: 'tool_use',
      usage: { input_tokens: 60, cache_read_input_tokens: 40, output_tokens: 7 },
    })
  })

  test.each([true, false])('fails before anything went out with a plain HTTP error (stream: %s)', async stream => {
    const got = await play('messages', stream, [failWith(529, 'busy')])
    expect(got.status).toBe(529)
    expect(JSON.parse(got.text)).toMatchObject({ type: 'error', error: { type: 'overloaded_error', message: 'busy' } })
  })

  test('fails in an open stream with an error event', async () => {
    const got = await play('messages', true, [say('half'), failWith(500, 'broken')])
    expect(got.text).toContain('event: error\n')
    expect(got.events.at(-1)).toMatchObject({ type: 'error', error: { type: 'api_error', message: 'broken' } })
  })
})

describe.each(['responses', 'messages'] as const)('%s', dialect => {
  test.each([true, false])('labels every answer (stream: %s)', async stream => {
    const got = await play(dialect, stream, [say('x')], { headers: { 'x-codex-primary-used-percent': '12' } })
    expect(got.headers.get('x-tandem-scripted')).toBe('steps')
    expect(got.headers.get('x-codex-primary-used-percent')).toBe('12')
    expect(got.headers.get('content-type')).toBe(stream ? 'text/event-stream' : 'application/json')
  })

  test.each([true, false])('cuts the connection before an answer (stream: %s)', async stream => {
    await expect(play(dialect, stream, [{ cut: true }])).rejects.toThrow('fetch failed')
  })

  test('cuts the connection in the middle of a stream', async () => {
    await expect(play(dialect, true, [say('half'), { cut: true }])).rejects.toThrow('terminated')
  })

  test.each([true, false])('breaks the form of an answer (stream: %s)', async stream => {
    const got = await play(dialect, stream, [{ malformed: true }])
    expect(got.status).toBe(200)
    expect(got.text).toContain('{"type": "scripted", broken')
  })

  test.each([true, false])('sends headers and then nothing until the client goes (stream: %s)', async stream => {
    const silent = rule('silent', {}, [{ silent: true }])
    await using model = await startScriptedModel({ scenario: scenario('quiet', [silent]) })
    const leaving = new AbortController()
    const response = await fetch(model.url + paths[dialect], {
      method: 'POST',
      body: JSON.stringify(bodyFor(dialect, 'hi', { stream })),
      signal: leaving.signal,
    })
    expect(response.status).toBe(200)
    expect(model.requests[0]?.outcome).toBe('playing')
    leaving.abort()
    const ended = await model.waitForRequest(request => request.outcome !== 'playing', { timeoutMs: 5000 })
    expect(ended).toMatchObject({ index: 0, rule: 'silent', outcome: 'client-gone' })
  })

  test('estimates usage when the scenario does not say', async () => {
    const got = await play(dialect, false, [say('x'.repeat(40))])
    expect(JSON.parse(got.text)).toMatchObject({ usage: { output_tokens: 10, input_tokens: expect.any(Number) } })
  })
})
