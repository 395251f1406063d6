import { within } from '#kernel'
import type { FollowFilter } from '#agents'
import type { CallOptions, ParsedInput, WireEvent } from '#contracts'
import type { EventFilter } from '#store'
import { wireEventOf } from './handler.ts'
import type { Handler, VerbsDeps } from './handler.ts'

type Input = ParsedInput<'events'>

export const events: Handler<'events'> = async (deps, given, options) => {
  const filter = await filterOf(deps, given, options)
  const input = { ...given, cursor: await startOf(deps, filter, given) }
  if (input.follow) return follow(deps, filter, input, options)
  const stored = await page(deps, filter, input)
  if (stored.events.length > 0 || input.wait_ms === 0) return stored
  await firstEvent(deps, filter, input, options)
  return page(deps, filter, input)
}

async function filterOf(deps: VerbsDeps, input: Input, { caller }: CallOptions): Promise<FollowFilter> {
  const { agents } = deps
  const { turn_id, session_id } = input
  const turn = turn_id === undefined ? undefined : await agents.turn(turn_id)
  const agent = session_id === undefined ? undefined : await agents.session(session_id, { cd: undefined, caller })
  return {
    ...(turn === undefined ? {} : { turnId: turn.id, nodeId: turn.nodeId }),
    ...(agent === undefined ? {} : { agentId: agent.id, nodeId: agent.nodeId }),
  }
}

/** Where a page or a following begins. */
async function startOf({ store }: VerbsDeps, filter: FollowFilter, input: Input): Promise<number> {
  const { cursor, tail } = input
  if (tail === undefined) return cursor
  return Math.max(cursor, await store.events.cursorBefore({ ...wantedOf(filter, input), count: tail }))
}

function wantedOf({ turnId, agentId, nodeId }: FollowFilter, { kinds }: Input): EventFilter {
  return {
    ...(kinds === undefined ? {} : { kinds }),
    ...(turnId === undefined ? {} : { turnId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(nodeId === undefined ? {} : { nodeId }),
  }
}

const isWanted = ({ kinds }: Input, kind: string): boolean =>
  kinds === undefined || kinds.some(wanted => wanted === kind)

interface Page {
  readonly events: WireEvent[]
  readonly cursor: number
  readonly has_more: boolean
}

async function page(deps: VerbsDeps, filter: FollowFilter, input: Input): Promise<Page> {
  const { cursor, limit } = input
  const found = await deps.store.events.after({ ...wantedOf(filter, input), cursor, limit: limit + 1 })
  const shown = found.slice(0, input.limit)
  return {
    events: shown.map(wireEventOf),
    cursor: shown.at(-1)?.seq ?? input.cursor,
    has_more: found.length > shown.length,
  }
}

/** Resolves with the first event, or when the time is up, or when the caller leaves. */
async function firstEvent(deps: VerbsDeps, filter: FollowFilter, input: Input, options: CallOptions): Promise<void> {
  const first = Promise.withResolvers<void>()
  using _leaving = whenLeft(options, first.resolve)
  if (options.signal?.aborted) return
  using _following = await deps.agents.follow(filter, input.cursor, event => {
    if (isWanted(input, event.kind)) first.resolve()
  })
  await within(deps.clock, input.wait_ms, first.promise)
}

/** With no `wait_ms` it goes on until the caller leaves. */
async function follow(deps: VerbsDeps, filter: FollowFilter, input: Input, options: CallOptions): Promise<Page> {
  const left = Promise.withResolvers<void>()
  using _leaving = whenLeft(options, left.resolve)
  let cursor = input.cursor
  using _following = await deps.agents.follow(filter, input.cursor, event => {
    cursor = event.seq
    if (isWanted(input, event.kind)) options.onEvent?.(wireEventOf(event))
  })
  await (input.wait_ms === 0 ? left.promise : within(deps.clock, input.wait_ms, left.promise))
  return { events: [], cursor, has_more: false }
}

/** Until it is disposed: a caller's signal may live for much longer than its call. */
function whenLeft({ signal }: CallOptions, leave: () => void): Disposable {
  if (signal?.aborted) leave()
  signal?.addEventListener('abort', leave, { once: true })
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', leave) }
}
