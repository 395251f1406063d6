import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type {
  CallToolResult,
  ElicitRequestFormParams,
  GetPromptResult,
  ReadResourceResult,
  ServerNotification,
  ServerRequest,
  Tool,
} from '@modelcontextprotocol/sdk/types.js'
import { sleep } from '#kernel'

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>
type Arguments = Readonly<Record<string, unknown>>
type Content = CallToolResult['content']

interface FixtureTool {
  readonly schema?: Tool['inputSchema']
  readonly run: (server: Server, given: Arguments, extra: Extra) => Promise<Content> | Content
}

/** What the protocol's own tests call: tools, prompts and resources that we do not have, on the transport that we do. */
export function createFixtureServer(): Server {
  const server = new Server(
    { name: 'fixture', version: '1.0.0' },
    {
      capabilities: {
        tools: {},
        prompts: {},
        resources: { subscribe: true },
        logging: {},
        completions: {},
      },
    },
  )
  server.setRequestHandler(SetLevelRequestSchema, () => ({}))
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: ['paris', 'park'], total: 2, hasMore: false },
  }))
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { schema }]) => ({
      name,
      description: `the tool ${name} of the protocol's tests`,
      inputSchema: schema ?? { type: 'object' as const },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra): Promise<CallToolResult> => {
    try {
      const tool = tools[params.name]
      if (tool === undefined) throw new Error(`no tool ${params.name}`)
      return { content: await tool.run(server, params.arguments ?? {}, extra) }
    } catch (error) {
      return { isError: true, content: text(error instanceof Error ? error.message : String(error)) }
    }
  })
  addPrompts(server)
  addResources(server)
  return server
}

function addPrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, { names }]) => ({
      name,
      description: `the prompt ${name} of the protocol's tests`,
      arguments: names.map(argument => ({ name: argument, description: 'an argument', required: true })),
    })),
  }))
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = prompts[params.name]
    if (prompt === undefined) throw new Error(`no prompt ${params.name}`)
    return { messages: prompt.write(params.arguments ?? {}) }
  })
}

function addResources(server: Server): void {
  const resource = (uri: string, mimeType: string) => ({ uri, name: uri, description: `the resource ${uri}`, mimeType })
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [
      resource('test://static-text', 'text/plain'),
      resource('test://static-binary', 'image/png'),
      resource('test://watched-resource', 'text/plain'),
    ],
  }))
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  }))
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }): ReadResourceResult => {
    const { uri } = params
    if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: 'image/png', blob: png }] }
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1]
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` })
    if (id !== undefined) return { contents: [{ uri, mimeType: 'application/json', text: data }] }
    return { contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }] }
  })
  server.setRequestHandler(SubscribeRequestSchema, () => ({}))
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}))
}

/** A red point, and a wave without a sound. */
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=='
const wav = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA='

const text = (words: string): Content => [{ type: 'text', text: words }]
const embedded = (uri: string, mimeType: string, words: string) =>
  ({ type: 'resource', resource: { uri, mimeType, text: words } }) as const

const tools: Readonly<Record<string, FixtureTool>> = {
  test_simple_text: { run: () => text('This is a simple text response for testing.') },
  test_image_content: { run: () => [{ type: 'image', data: png, mimeType: 'image/png' }] },
  test_audio_content: { run: () => [{ type: 'audio', data: wav, mimeType: 'audio/wav' }] },
  test_embedded_resource: {
    run: () => [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
  },
  test_multiple_content_types: {
    run: () => [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: png, mimeType: 'image/png' },
      embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ],
  },
  test_tool_with_logging: {
    async run(_server, _given, extra) {
      for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } })
        await sleep(50)
      }
      return text('done')
    },
  },
  test_error_handling: {
    run: () => {
      throw new Error('This tool intentionally returns an error for testing')
    },
  },
  test_tool_with_progress: {
    async run(_server, _given, extra) {
      const progressToken = extra._meta?.progressToken
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined)
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 100 },
          })
        await sleep(50)
      }
      return text('done')
    },
  },
  test_sampling: {
    schema: objectOf({ prompt: { type: 'string' } }),
    async run(server, given, extra) {
      const answer = await server.createMessage(
        {
          messages: [{ role: 'user', content: { type: 'text', text: String(given['prompt']) } }],
          maxTokens: 100,
        },
        { relatedRequestId: extra.requestId },
      )
      const said = 'text' in answer.content ? answer.content.text : ''
      return text(`LLM response: ${said}`)
    },
  },
  test_elicitation: {
    schema: objectOf({ message: { type: 'string' } }),
    run: (server, given, extra) =>
      elicit(server, extra, String(given['message']), {
        username: { type: 'string', description: "User's response" },
        email: { type: 'string', description: "User's email address" },
      }),
  },
  test_elicitation_sep1034_defaults: {
    run: (server, _given, extra) =>
      elicit(server, extra, 'Review the values', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
  },
  test_elicitation_sep1330_enums: {
    run: (server, _given, extra) =>
      elicit(server, extra, 'Choose', {
        untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
        titledSingle: { type: 'string', oneOf: titled('Option') },
        legacyEnum: {
          type: 'string',
          enum: ['opt1', 'opt2', 'opt3'],
          enumNames: ['Option One', 'Option Two', 'Option Three'],
        },
        untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
        titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
      }),
  },
  test_reconnection: {
    async run(_server, _given, extra) {
      extra.closeSSEStream?.()
      await sleep(100)
      return text('the stream was closed under the call, and the answer came with the next one')
    },
  },
  json_schema_2020_12_tool: {
    schema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    run: () => text('done'),
  },
}

const prompts: Readonly<
  Record<
    string,
    {
      readonly names: readonly string[]
      readonly write: (given: Readonly<Record<string, string>>) => GetPromptResult['messages']
    }
  >
> = {
  test_simple_prompt: { names: [], write: () => [said('This is a simple prompt for testing.')] },
  test_prompt_with_arguments: {
    names: ['arg1', 'arg2'],
    write: ({ arg1, arg2 }) => [said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
  },
  test_prompt_with_embedded_resource: {
    names: ['resourceUri'],
    write: ({ resourceUri = '' }) => [
      { role: 'user', content: embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.') },
      said('Please process the embedded resource above.'),
    ],
  },
  test_prompt_with_image: {
    names: [],
    write: () => [
      { role: 'user', content: { type: 'image', data: png, mimeType: 'image/png' } },
      said('Please analyze the image above.'),
    ],
  },
}

function said(words: string): GetPromptResult['messages'][number] {
  return { role: 'user', content: { type: 'text', text: words } }
}

function objectOf(properties: Readonly<Record<string, object>>): Tool['inputSchema'] {
  return { type: 'object', properties: { ...properties }, required: Object.keys(properties) }
}

function titled(word: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((nth, at) => ({ const: `value${at + 1}`, title: `${nth} ${word}` }))
}

type Properties = ElicitRequestFormParams['requestedSchema']['properties']

async function elicit(server: Server, extra: Extra, message: string, properties: Properties): Promise<Content> {
  const { action, content } = await server.elicitInput(
    { message, requestedSchema: { type: 'object', properties, required: [] } },
    { relatedRequestId: extra.requestId },
  )
  return text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`)
}
