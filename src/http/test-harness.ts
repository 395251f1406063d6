import { once } from 'node:events'
import { createConnection } from 'node:net'
import { Secret } from '#kernel'
import { createFakeVerbs } from '../../test/support/fake-daemon.ts'
import { startHttpDoor } from './index.ts'
import type { HttpDoor, HttpDoorDeps, HttpLimits } from './index.ts'
import type { Log } from '#kernel'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'

export const token = 'r5Vq0V0yq4Yk0n3vJmX1dHq8fYw2b7s9LzT6cE1uGxA'
export const bearer = { authorization: `Bearer ${token}` }

export interface TestDoor extends AsyncDisposable {
  readonly door: HttpDoor
  readonly verbs: FakeVerbs
  /** What was logged at warn and error, by its event. */
  readonly logged: readonly string[]
  readonly limits: HttpLimits
  isReady: boolean
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** Sends these bytes and answers all that comes until the other side ends. */
  raw(request: string | Buffer): Promise<string>
}

const usual: HttpLimits = {
  maxConnections: 100,
  maxCalls: 20,
  maxBodyBytes: 100_000,
  maxOutgoingBytes: 200_000,
}

export async function openTestDoor(more: Partial<HttpDoorDeps> & { limits?: HttpLimits } = {}): Promise<TestDoor> {
  const verbs = createFakeVerbs()
  const logged: string[] = []
  const note = (_fields: unknown, event: string): void => void logged.push(event)
  const log: Log = { debug: () => undefined, info: () => undefined, warn: note, error: note }
  const state = { isReady: true }
  const limits = { ...usual, ...more.limits }
  const door = await startHttpDoor({
    verbs,
    token: new Secret(token),
    tokenCommand: 'cat /state/http.token',
    port: 0,
    version: '1.2.3',
    isReady: async () => state.isReady,
    mcp: async request => new Response(`mcp got ${request.method}`),
    log,
    ...more,
    limits,
  })
  return Object.assign(state, {
    door,
    verbs,
    logged,
    limits,
    get: (path: string, headers: Readonly<Record<string, string>> = bearer) => fetch(`${door.url}${path}`, { headers }),
    post: (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${door.url}${path}`, {
        method: 'POST',
        headers: { ...bearer, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    raw: (request: string | Buffer) => exchange(door.port, request),
    [Symbol.asyncDispose]: () => door[Symbol.asyncDispose](),
  })
}

async function exchange(port: number, request: string | Buffer): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port })
  let answer = ''
  socket.on('data', chunk => (answer += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.write(request)
  await once(socket, 'close')
  return answer
}

/** The body of every answer that is an error. */
export interface Refusal {
  readonly error: { readonly code: string; readonly kind: string; readonly message: string; readonly hint?: string }
}

/** Status and code of an answer that is an error. */
export const refusal = async (answer: Response): Promise<readonly [number, string]> => [
  answer.status,
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what else it is, the tests look at
  ((await answer.json()) as Refusal).error.code,
]

/** A whole request without a body. */
export const requestText = (line: string, headers: readonly string[]): string =>
  `${[`${line} HTTP/1.1`, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`

/** The events of a stream, parsed; comments are left out. */
export async function* eventsOf(
  response: Response,
): AsyncGenerator<{ readonly id?: string; readonly event?: string; readonly data?: unknown }> {
  let pending = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    pending += decoder.decode(chunk, { stream: true })
    const blocks = pending.split('\n\n')
    pending = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').flatMap(line => {
          const [, name = '', value = ''] = /^(\w+): (.*)$/.exec(line) ?? []
          return name === '' ? [] : [[name, name === 'data' ? (JSON.parse(value) as unknown) : value]]
        }),
      )
      if ('event' in fields) yield fields
    }
  }
}
