import { createServer } from 'node:http'
import { once } from 'node:events'
import { AppError, messageOf, systemClock } from '#kernel'
import { answerRequest } from './conversation.ts'
import { errorBodyOf } from './dialect-errors.ts'
import { dialectOf, endpointOf, modelsBodyOf } from './endpoints.ts'
import { createGates } from './gates.ts'
import { createOutlet } from './outlet.ts'
import { readMessages } from './read-messages.ts'
import { readResponses } from './read-responses.ts'
import { createRecorder } from './recorder.ts'
import { readBody } from './request-body.ts'
import { createRuleBook } from './rules.ts'
import { parseScenario } from './scenario.ts'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Gates } from './gates.ts'
import type { Outlet } from './outlet.ts'
import type { RecordedRequest, Recorder } from './recorder.ts'
import type { RuleBook } from './rules.ts'
import type { ReadBody } from './request-body.ts'
import type { Scenario } from './scenario.ts'

/** A running offline model. Dispose it to stop: open answers are cut. */
export interface ScriptedModel extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, without `/v1`. */
  readonly url: string
  /** The last 1000 requests, oldest first. */
  readonly requests: readonly RecordedRequest[]
  /** Resolves when a request (new, or changed in outcome) fits; at once if one already does. Rejects with SCRIPTED_REQUEST_NOT_SEEN. */
  waitForRequest(
    predicate: (request: RecordedRequest) => boolean,
    options: { readonly timeoutMs: number },
  ): Promise<RecordedRequest>
  /** Opens a gate for those who wait and for those who come later, until the next `setScenario`. */
  release(gate: string): void
  /** From the next request on; counts of plays and gates start anew. */
  setScenario(scenario: Scenario): void
}

/** What the scenario decides: replaced as a whole. */
interface Script {
  readonly scenario: Scenario
  readonly book: RuleBook
  readonly gates: Gates
}

/** Plays a scenario on loopback; `port` 0 (the default) takes a free one. Throws SCENARIO_INVALID. */
export async function startScriptedModel(options: {
  readonly scenario: Scenario
  readonly port?: number
  readonly host?: string
}): Promise<ScriptedModel> {
  let script = scriptOf(options.scenario)
  const recorder = createRecorder(systemClock)
  const stopping = new AbortController()
  let stopped: Promise<void> | undefined
  const server = createServer((request, response) => {
    response.on('error', () => response.destroy())
    void handle({ request, response, script, recorder, stopping: stopping.signal })
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => refuseUpgrade(request, socket, recorder))
  server.requestTimeout = 0
  const url = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0)
  return {
    url,
    get requests() {
      return recorder.requests
    },
    waitForRequest: (predicate, { timeoutMs }) => recorder.waitFor(predicate, timeoutMs),
    release: gate => script.gates.release(gate),
    setScenario: scenario => void (script = scriptOf(scenario)),
    [Symbol.asyncDispose]() {
      stopping.abort()
      recorder.close()
      stopped ??= stop(server)
      return stopped
    },
  }
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

function scriptOf(scenario: Scenario): Script {
  const checked = parseScenario(scenario)
  return { scenario: checked, book: createRuleBook(checked), gates: createGates() }
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  const listening = once(server, 'listening')
  server.listen(port, host)
  await listening
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address')
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}

interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly script: Script
  readonly recorder: Recorder
  readonly stopping: AbortSignal
}

/** What is known of a request before its body is read. */
interface Opening {
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

async function handle(visit: Visit): Promise<void> {
  const { request, response, script } = visit
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const outlet = createOutlet(response, AbortSignal.any([gone.signal, visit.stopping]))
  const opening = openingOf(request)
  response.setHeader('x-tandem-scripted', script.scenario.name)
  try {
    await answerEndpoint(visit, opening, outlet)
  } catch (error) {
    const dialect = dialectOf(opening.path, opening.headers)
    const status = error instanceof AppError && error.code === 'SCRIPTED_BODY_TOO_LARGE' ? 413 : 400
    outlet.json(status, errorBodyOf(dialect, { status, message: `scripted model: ${messageOf(error)}` }))
    visit.recorder.add({ ...opening, ...nothingKnown, dialect, outcome: 'error' }, 0)
    // The rest of a body that was refused half-way: read on, so that the client comes to the answer.
    request.resume()
  }
}

async function answerEndpoint(visit: Visit, opening: Opening, outlet: Outlet): Promise<void> {
  const dialect = dialectOf(opening.path, opening.headers)
  const endpoint = endpointOf(opening.method, opening.path)
  switch (endpoint) {
    case 'responses':
    case 'messages':
      return answerModel({ visit, opening, outlet }, endpoint, await readBody(visit.request, maxBodyBytes))
    case 'count_tokens': {
      const body = await readBody(visit.request, maxBodyBytes)
      outlet.json(200, { input_tokens: Math.ceil(body.bytes / 4) })
      visit.recorder.add(
        { ...opening, ...nothingKnown, dialect, body: body.json, rule: 'built-in: count_tokens' },
        body.bytes,
      )
      return
    }
    case 'models':
      outlet.json(200, modelsBodyOf(dialect))
      break
    case 'hello':
      outlet.json(200, { scripted: true })
      break
    case 'unknown':
      outlet.json(
        404,
        errorBodyOf(dialect, { status: 404, message: `scripted model: no ${opening.method} ${opening.path}` }),
      )
      break
  }
  const rule = endpoint === 'unknown' ? undefined : `built-in: ${endpoint}`
  visit.recorder.add(
    { ...opening, ...nothingKnown, dialect, rule, outcome: endpoint === 'unknown' ? 'error' : 'played' },
    0,
  )
}

async function answerModel(
  { visit, opening, outlet }: { readonly visit: Visit; readonly opening: Opening; readonly outlet: Outlet },
  dialect: 'responses' | 'messages',
  body: ReadBody,
): Promise<void> {
  const { script, recorder } = visit
  const read = dialect === 'responses' ? readResponses : readMessages
  const view = read(body.json, opening.headers, body.bytes)
  const choice = script.book.choose(view)
  const known = { ...opening, dialect, body: body.json, lastText: view.lastText, rule: choice.rule }
  const recording = recorder.add({ ...known, outcome: 'playing' }, body.bytes)
  try {
    const outcome = await answerRequest(view, choice, { outlet, gates: script.gates, nowMs: Date.now() })
    recording.update({ outcome })
  } catch {
    // The client was told; a fault of this server must not end the process that it runs in.
    recording.update({ outcome: 'error' })
  }
}

/** At once: Codex tries again for seconds on any other refusal. */
function refuseUpgrade(request: IncomingMessage, socket: Duplex, recorder: Recorder): void {
  const opening = openingOf(request)
  socket.on('error', () => socket.destroy())
  socket.end(
    'HTTP/1.1 426 Upgrade Required\r\nx-tandem-scripted: yes\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
  )
  recorder.add({ ...opening, ...nothingKnown, dialect: 'responses', rule: 'built-in: upgrade', outcome: 'error' }, 0)
}

function openingOf(request: IncomingMessage): Opening {
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value] as const],
  )
  return {
    path: (request.url ?? '/').split('?')[0] ?? '/',
    method: request.method ?? 'GET',
    headers: Object.fromEntries(headers),
  }
}

const nothingKnown = { body: undefined, lastText: '', rule: undefined, outcome: 'played' } as const
const maxBodyBytes = 32 * 2 ** 20
