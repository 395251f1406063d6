import type { VerbCaller, VerbInput, WireEvent } from '#contracts'
import type { Session } from './session.ts'

export interface EventsPage {
  readonly events: readonly WireEvent[]
  readonly cursor: number
  readonly has_more: boolean
}

/**
 * A page as a person is shown it: as many events as were asked for, where so many are, not counting pieces of messages that stand
 * whole in it. So more is asked for when too much of a page is not shown.
 */
export async function shownPage(
  { deps }: Pick<Session, 'deps'>,
  caller: VerbCaller,
  input: VerbInput<'events'>,
): Promise<EventsPage> {
  const wanted = input.limit ?? usualLimit
  const isLatest = input.tail === wanted
  for (let size = wanted; ; size = Math.min(mostOfPage, 2 * size)) {
    const asked = { ...input, limit: size, ...(isLatest ? { tail: size } : {}) }
    const page = await caller.call('events', asked, { caller: deps.caller })
    const shown = withoutDrafts(page.events)
    const isAll = isLatest ? page.events.length < size : !page.has_more
    if (shown.length < wanted && !isAll && size < mostOfPage) continue
    return isLatest ? { ...page, events: shown.slice(-wanted) } : firstOf(shown, wanted, page)
  }
}

/** What is left over comes with the next page. */
function firstOf(shown: readonly WireEvent[], wanted: number, page: EventsPage): EventsPage {
  const events = shown.slice(0, wanted)
  const last = events.at(-1)
  return events.length === shown.length || last === undefined
    ? { ...page, events }
    : { events, cursor: last.seq, has_more: true }
}

/** Pieces of a message that stands whole in the same list would only say it twice. */
function withoutDrafts(events: readonly WireEvent[]): readonly WireEvent[] {
  const itemOf = ({ turn_id, data }: WireEvent): string => `${turn_id} ${String(data['item_id'])}`
  const whole = new Set(events.filter(event => event.kind === 'message').map(itemOf))
  return events.filter(event => event.kind !== 'text' || !whole.has(itemOf(event)))
}

/** As the schema has them. */
export const usualLimit = 200
export const mostOfPage = 1000
