import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { join, resolve } from 'node:path'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { httpBase, verbs } from '#contracts'
import type { CommandShape, RouteShape, ToolShape, VerbName } from '#contracts'
import { errorShapeOf } from '#kernel'
import { httpOf } from './http-client.ts'
import { caller } from './tandem-world.ts'
import type { TandemWorld } from './tandem-world.ts'

export type DoorName = 'socket' | 'http' | 'cli' | 'mcp'

export type Result =
  | { readonly kind: 'ok'; readonly output: Readonly<Record<string, unknown>> }
  | { readonly kind: 'error'; readonly code: string; readonly message: string; readonly hint: string | undefined }

/** One way in, used as its users use it. */
export interface Door extends AsyncDisposable {
  readonly name: DoorName
  has(verb: VerbName): boolean
  call(verb: VerbName, input: Readonly<Record<string, unknown>>): Promise<Result>
}

export function openSocketDoor(world: TandemWorld): Door {
  const client = world.client()
  return {
    name: 'socket',
    has: () => true,
    async call(verb, input) {
      try {
        return { kind: 'ok', output: { ...(await client.call(verb, input, { caller })) } }
      } catch (error) {
        const { code, message, hint } = errorShapeOf(error)
        return { kind: 'error', code, message, hint }
      }
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}

export async function openHttpDoor(world: TandemWorld): Promise<Door> {
  const { url, token } = await httpOf(world.places)
  return {
    name: 'http',
    has: verb => routeOf(verb) !== undefined,
    async call(verb, input) {
      const shape = routeOf(verb)
      if (shape === undefined) throw new Error(`${verb} has no route`)
      const rest = { ...input }
      const path = shape.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
        const value = String(rest[name])
        delete rest[name]
        return encodeURIComponent(value)
      })
      const query = new URLSearchParams()
      for (const [name, value] of Object.entries(rest))
        for (const each of Array.isArray(value) ? value : [value]) query.append(name, String(each))
      const isGet = shape.method === 'GET'
      const answer = await fetch(`${url}${httpBase}${path}${isGet ? `?${query.toString()}` : ''}`, {
        method: shape.method,
        headers: { authorization: `Bearer ${token}`, ...(isGet ? {} : { 'content-type': 'application/json' }) },
        ...(isGet ? {} : { body: JSON.stringify(rest) }),
      })
      return resultOf((await answer.json()) as Record<string, unknown>)
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

export function openCliDoor(world: TandemWorld): Door {
  return {
    name: 'cli',
    has: verb => commandOf(verb) !== undefined,
    async call(verb, input) {
      const shape = commandOf(verb)
      if (shape === undefined) throw new Error(`${verb} is no command`)
      const { args, cwd, stdin } = argumentsOf(shape, input)
      const ran = await world.tandem([...shape.command.split(' '), '--json', ...args], {
        ...(cwd === undefined ? {} : { cwd }),
        ...(stdin === undefined ? {} : { input: stdin }),
        timeoutMs: 110_000,
      })
      return resultOf(answerIn(ran.out))
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

/** The tools of the stdio server, or of the same server over HTTP. */
export async function openMcpDoor(world: TandemWorld, over: 'stdio' | 'http' = 'stdio'): Promise<Door> {
  const client = new McpClient({ name: 'test', version: '0.0.0' })
  const transport = over === 'stdio' ? stdioTo(world) : await httpTo(world)
  await client.connect(transport)
  return {
    name: 'mcp',
    has: verb => toolOf(verb) !== undefined,
    async call(verb, input) {
      const shape = toolOf(verb)
      if (shape === undefined) throw new Error(`${verb} is no tool`)
      const names = Object.entries(input).map(([name, value]) => [shape.names?.[name] ?? name, value])
      const answer = await client.callTool({ name: shape.tool, arguments: Object.fromEntries(names) }, undefined, {
        timeout: 110_000,
      })
      const [text] = answer.content as readonly { readonly text: string }[]
      // With isError a client's model sees the text alone, so that is what is compared.
      const seen =
        answer.isError === true ? JSON.parse(text?.text.split('\n\n').at(-1) ?? '') : answer.structuredContent
      const back = Object.entries(shape.names ?? {}).map(([ours, theirs]) => [theirs, ours] as const)
      return resultOf(renamed(seen, Object.fromEntries(back)))
    },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

const stdioTo = (world: TandemWorld): StdioClientTransport =>
  new StdioClientTransport({
    command: join(resolve(import.meta.dirname, '../..'), 'bin/tandem'),
    args: ['mcp'],
    env: { ...world.env },
    cwd: world.project,
    stderr: 'ignore',
  })

async function httpTo(world: TandemWorld): Promise<StreamableHTTPClientTransport> {
  const { url, token } = await httpOf(world.places)
  return new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
    requestInit: {
      headers: { authorization: `Bearer ${token}`, 'tandem-project-dir': encodeURIComponent(world.project) },
    },
  })
}

/** What a command printed with --json: its last line; the list of `events` is spread over the lines before. */
function answerIn(out: string): Record<string, unknown> {
  const lines = out
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>)
  const last = lines.at(-1) ?? {}
  if (last['type'] !== 'cursor') return last
  return { ...last, events: lines.slice(0, -1).map(({ type: _type, ...event }) => event) }
}

function resultOf(shown: Record<string, unknown>): Result {
  const { type: _type, ...output } = shown
  const error = output['error'] as { code: string; message: string; hint?: string } | null | undefined
  // A turn that failed is an answer with an error in it; a call that failed has nothing else.
  if (error && !('turn_id' in output))
    return { kind: 'error', code: error.code, message: error.message, hint: error.hint }
  return { kind: 'ok', output }
}

function renamed(value: unknown, names: Readonly<Record<string, string>>): Record<string, unknown> {
  const rename = (each: unknown): unknown => {
    if (Array.isArray(each)) return each.map(rename)
    if (typeof each !== 'object' || each === null) return each
    return Object.fromEntries(Object.entries(each).map(([name, inner]) => [names[name] ?? name, rename(inner)]))
  }
  return rename(value) as Record<string, unknown>
}

const routeOf = (verb: VerbName): RouteShape | undefined => (verbs[verb].doors as { http?: RouteShape }).http
const commandOf = (verb: VerbName): CommandShape | undefined => (verbs[verb].doors as { cli?: CommandShape }).cli
const toolOf = (verb: VerbName): ToolShape | undefined => (verbs[verb].doors as { mcp?: readonly ToolShape[] }).mcp?.[0]

function argumentsOf(
  shape: CommandShape,
  input: Readonly<Record<string, unknown>>,
): { readonly args: readonly string[]; readonly cwd: string | undefined; readonly stdin: string | undefined } {
  const positional = new Set((shape.arguments ?? []).map(argument => argument.field))
  // Longer than a command line may be: that is what stdin is for.
  const long = Object.entries(input).find(([name, value]) => positional.has(name) && String(value).length > 100_000)
  const flags = Object.entries(input)
    .filter(([name]) => !positional.has(name))
    .flatMap(([name, value]) => flagsOf(shape.options?.[name], value))
  const values = (shape.arguments ?? []).flatMap(({ field }) =>
    typeof input[field] !== 'string' || field === long?.[0] ? [] : [input[field]],
  )
  return { args: [...flags, '--', ...values], cwd: undefined, stdin: long === undefined ? undefined : String(long[1]) }
}

function flagsOf(flags: string | undefined, value: unknown): readonly string[] {
  const long = /--[\w-]+/.exec(flags ?? '')?.[0]
  if (long === undefined) return []
  if (value === true) return [long]
  if (value === false) return []
  if (Array.isArray(value)) return value.map(each => `${long}=${String(each)}`)
  return [`${long}=${String(value)}`]
}
