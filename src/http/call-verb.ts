import { callerOfHeaders, verbs as descriptions } from '#contracts'
import { methodRefused, routeInputInvalid, streamNeeded } from './errors.ts'
import { eventStream } from './event-stream.ts'
import { readInput } from './read-input.ts'
import type { Caller, VerbCaller, VerbInput, VerbName, WireEvent } from '#contracts'
import type { Clock, Log } from '#kernel'
import type { JsonObject } from './json.ts'
import type { OpenCalls } from './open-calls.ts'
import type { Route } from './routes.ts'

export interface CallVerbDeps {
  readonly verbs: VerbCaller
  readonly calls: OpenCalls
  readonly maxBodyBytes: number
  readonly maxOutgoingBytes: number
  readonly clock: Clock
  readonly log: Log
}

export interface VerbRequest {
  readonly raw: Request
  readonly params: Readonly<Record<string, string>>
  /** Ends the connection. */
  readonly cut: () => void
}

/** One request to a verb's route: its answer as JSON, or as a stream of events when the verb has some and the client takes them. */
export async function callVerb(deps: CallVerbDeps, route: Route, request: VerbRequest): Promise<Response> {
  const { headers, method, url, body, signal } = request.raw
  // hono lets HEAD into the routes of GET.
  if (method !== route.method) throw methodRefused(method, [route.method])
  const { params } = request
  const members = await readInput(route, { headers, url, body, params, maxBodyBytes: deps.maxBodyBytes })
  const caller = callerOf(headers)
  const isStream = route.description.annotations.isStreaming && takesEvents(headers)
  const input = parsedInput(route, isStream ? following(route, members) : members)
  if (!isStream) {
    if (members['follow'] === true) throw streamNeeded()
    return Response.json(await deps.calls.run(signal, detach => call(deps, route, input, { caller, signal: detach })))
  }
  return eventStream({
    run: (onEvent, left) =>
      deps.calls.run(AbortSignal.any([left, signal]), detach =>
        call(deps, route, input, { caller, signal: detach, onEvent }),
      ),
    maxWaitingBytes: deps.maxOutgoingBytes,
    cut: request.cut,
    clock: deps.clock,
    log: deps.log,
  })
}

function call(
  deps: CallVerbDeps,
  route: Route,
  input: unknown,
  options: { readonly caller: Caller; readonly signal: AbortSignal; readonly onEvent?: (event: WireEvent) => void },
): Promise<unknown> {
  return deps.verbs.call(route.verb, inputOf(input), options)
}

/** Parsed here, at the door; with its defaults, as the port takes it. */
function parsedInput(route: Route, members: JsonObject): unknown {
  const parsed = descriptions[route.verb].input.safeParse(members)
  if (!parsed.success) throw routeInputInvalid(route, parsed.error)
  return parsed.data
}

/** The compiler cannot follow a name through the table of schemas; the caller parsed with that name's schema. */
function inputOf(parsed: unknown): VerbInput<VerbName> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed as VerbInput<VerbName>
}

/** Who asks for a stream of a verb that can follow wants to follow. */
const following = (route: Route, members: JsonObject): JsonObject =>
  'follow' in route.members ? { follow: true, ...members } : members

const takesEvents = (headers: Headers): boolean =>
  /(?:^|,)\s*text\/event-stream\s*(?:[;,]|$)/i.test(headers.get('accept') ?? '')

function callerOf(headers: Headers): Caller {
  const client = headers.get('user-agent')
  return {
    door: 'http',
    ...(client === null || client === '' ? {} : { client: client.slice(0, 200) }),
    ...callerOfHeaders(headers),
  }
}
