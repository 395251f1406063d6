import {
  callParamsSchema,
  detachParamsSchema,
  helloParamsSchema,
  inputInvalid,
  isVerbName,
  requestFrameSchema,
  verbNames,
  verbs as descriptions,
} from '#contracts'
import { assertAccepting } from './accepting.ts'
import { rpcErrorOf } from './error-codes.ts'
import { frameWrong, protocolMismatch, unknownMethod } from './errors.ts'
import type { RequestFrame, VerbName } from '#contracts'
import type { Session, SessionDeps } from './session.ts'

type RequestId = NonNullable<RequestFrame['id']>

interface OpenCall {
  readonly id: RequestId
  readonly abort: AbortController
  readonly done: Promise<void>
  isAnswered: boolean
}

/** `new`: no hello yet. `foreign`: a hello of another protocol, of which only `shutdown` is understood (an upgrade needs it). */
type Greeting = 'new' | 'greeted' | 'foreign'

/** JSON-RPC 2.0: hello first, then verbs by name. */
export class RpcSession implements Session {
  readonly #deps: SessionDeps
  readonly #open = new Map<RequestId, OpenCall>()
  #greeting: Greeting = 'new'

  constructor(deps: SessionDeps) {
    this.#deps = deps
  }

  get calls(): number {
    return this.#open.size
  }

  accept(value: unknown): void {
    const frame = requestFrameSchema.safeParse(value)
    if (!frame.success) return this.#fail(idOf(value), frameWrong(problemOf(value)))
    try {
      this.#dispatch(frame.data)
    } catch (error) {
      this.#fail(frame.data.id ?? null, error)
    }
  }

  refuse(reason: unknown): void {
    this.#fail(null, reason)
  }

  detach(): void {
    for (const call of this.#open.values()) call.abort.abort()
  }

  async close(reason: Error): Promise<void> {
    const calls = Array.from(this.#open.values())
    for (const call of calls) {
      this.#finish(call, () => this.#fail(call.id, reason))
      call.abort.abort()
    }
    await Promise.all(calls.map(call => call.done))
  }

  #dispatch(frame: RequestFrame): void {
    const { id, method } = frame
    if (method === 'detach') return this.#detachOne(frame.params)
    if (id === undefined) {
      // A notification is never answered (JSON-RPC 2.0, 4.1), but a verb without an id is a mistake that must be seen.
      if (isVerbName(method) || method === 'hello') throw frameWrong(`${method} needs an id`)
      return
    }
    if (this.#open.has(id)) throw frameWrong(`the id ${JSON.stringify(id)} belongs to a call that is not answered yet`)
    if (method === 'hello') return this.#hello(id, frame.params)
    if (!isVerbName(method)) throw unknownMethod(method, ['hello', 'detach', ...verbNames])
    this.#assertGreeted(method)
    this.#startCall(id, method, frame.params)
  }

  #hello(id: RequestId, params: unknown): void {
    const parsed = helloParamsSchema.safeParse(params)
    if (!parsed.success) throw inputInvalid('hello', parsed.error)
    const ours = this.#deps.identity()
    if (parsed.data.protocol !== ours.protocol) {
      this.#greeting = 'foreign'
      throw protocolMismatch(parsed.data.protocol, ours)
    }
    this.#greeting = 'greeted'
    this.#deps.log.debug({ client: parsed.data.client, version: parsed.data.version }, 'client greeted')
    this.#answer(id, { result: ours })
  }

  #assertGreeted(verb: VerbName): void {
    if (this.#greeting === 'greeted') return
    if (this.#greeting === 'new') throw frameWrong(`${verb} came before hello`)
    if (verb !== 'shutdown') throw frameWrong('hello was refused: the protocols differ')
  }

  #startCall(id: RequestId, verb: VerbName, params: unknown): void {
    assertAccepting(verb, this.#deps.stopping())
    const place = this.#deps.budget.take()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const call: OpenCall = { id, abort: new AbortController(), done, isAnswered: false }
    this.#open.set(id, call)
    void runVerb(this.#deps, { verb, params, call })
      .then(
        result => this.#finish(call, () => this.#answer(id, { result })),
        (reason: unknown) => this.#finish(call, () => this.#fail(id, reason)),
      )
      .finally(() => {
        place[Symbol.dispose]()
        resolve()
      })
  }

  #detachOne(params: unknown): void {
    const parsed = detachParamsSchema.safeParse(params)
    if (!parsed.success) throw inputInvalid('detach', parsed.error)
    // A call that was answered in the meantime is no mistake of the client.
    this.#open.get(parsed.data.id)?.abort.abort()
  }

  #finish(call: OpenCall, tell: () => void): void {
    if (call.isAnswered) return
    call.isAnswered = true
    this.#open.delete(call.id)
    tell()
  }

  #fail(id: RequestId | null, reason: unknown): void {
    const shown = rpcErrorOf(reason)
    if (shown.data.kind === 'bug') this.#deps.log.error({ error: reason }, 'a call failed by a fault of ours')
    this.#answer(id, { error: shown })
  }

  #answer(id: RequestId | null, body: object): void {
    this.#deps.send({ jsonrpc: '2.0', id, ...body })
  }
}

/** The verb's own promise, with the events of a following caller on the way. Parses at the door: what passes is typed. */
async function runVerb(
  deps: SessionDeps,
  request: { readonly verb: VerbName; readonly params: unknown; readonly call: OpenCall },
): Promise<unknown> {
  const { verb, call } = request
  const params = callParamsSchema.safeParse(request.params)
  if (!params.success) throw inputInvalid(verb, params.error)
  const input = descriptions[verb].input.safeParse(params.data.input ?? {})
  if (!input.success) throw inputInvalid(verb, input.error)
  const onEvent = (event: object): void => {
    if (call.isAnswered || call.abort.signal.aborted) return
    deps.send({ jsonrpc: '2.0', method: 'event', params: { call: call.id, event } })
  }
  return deps.verbs.call(verb, input.data, {
    caller: params.data.caller,
    signal: call.abort.signal,
    ...(params.data.events ? { onEvent } : {}),
  })
}

function problemOf(value: unknown): string {
  if (Array.isArray(value)) return 'a batch is not spoken here: send one object a line'
  if (typeof value !== 'object' || value === null)
    return `the line is a ${value === null ? 'null' : typeof value}, not an object`
  if (!('jsonrpc' in value)) return 'the member jsonrpc is missing'
  if (value.jsonrpc !== '2.0') return `jsonrpc is not "2.0"`
  return 'method must be a string of at most 200 characters, id a whole number or a string of at most 200 characters'
}

/** The id of a frame that is wrong otherwise, so that its sender finds the answer. */
function idOf(value: unknown): RequestId | null {
  if (typeof value !== 'object' || value === null || !('id' in value)) return null
  const id = requestFrameSchema.shape.id.safeParse(value.id)
  return id.success ? (id.data ?? null) : null
}
