import type { VerbCaller, VerbInput, WireEvent } from '#contracts'
import { exitCodes } from './exit-codes.ts'
import { createEventLines } from './event-lines.ts'
import { noteOf } from './event-note.ts'
import { mostOfPage, shownPage, usualLimit } from './events-page.ts'
import { moment } from './figures.ts'
import { jsonLine } from './plain-text.ts'
import { pause } from './pause.ts'
import type { Session } from './session.ts'

/** Prints events, one line each; with `follow` until Ctrl-C, or until `wait_ms` is up when that was given. */
export async function followEvents(session: Session, input: VerbInput<'events'>): Promise<number> {
  await using caller = await session.deps.connect({ startDaemon: true })
  const printer = createPrinter(session, input)
  if (input.follow !== true) {
    const { deps, isJson } = session
    const page = isJson
      ? await caller.call('events', input, { caller: deps.caller })
      : await shownPage(session, caller, input)
    for (const event of page.events) printer.print(event)
    writeRest(session, page)
    return exitCodes.ok
  }
  const leaving = new AbortController()
  const interrupted = Promise.withResolvers<number>()
  using _listening = session.deps.onInterrupt(() => interrupted.resolve(exitCodes.interrupted))
  const following = follow({ session, caller, printer, signal: leaving.signal }, input)
  // When we leave first, nobody is interested in how the call ends.
  following.catch(() => undefined)
  try {
    return await Promise.race([following, interrupted.promise, session.out.broken.then(() => exitCodes.readerLeft)])
  } finally {
    leaving.abort()
  }
}

/**
 * Who names neither a place to begin nor what to look for wants to see what happens now; who says how many before the end
 * wants all of them, as far as one page goes.
 */
export function fromLatest(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { follow: isFollowing, limit, tail } = given
  if (typeof tail === 'number' && limit === undefined)
    return { ...given, limit: Math.min(Math.max(tail, 1), mostOfPage) }
  const sought = ['cursor', 'tail', 'turn_id', ...(isFollowing === true ? [] : ['session_id', 'kinds'])]
  if (sought.some(name => given[name] !== undefined)) return given
  if (isFollowing === true) return { ...given, tail: shownBefore }
  return { ...given, tail: typeof limit === 'number' ? limit : usualLimit }
}

interface Following {
  readonly session: Session
  readonly caller: VerbCaller
  readonly printer: Printer
  readonly signal: AbortSignal
}

/** Without a limit of the caller's own, one long call after another, each from where the last one ended. */
async function follow({ session, caller, printer, signal }: Following, input: VerbInput<'events'>): Promise<number> {
  const { clock } = session.deps
  const hasLimit = input.wait_ms !== undefined && input.wait_ms > 0
  const options = { caller: session.deps.caller, signal, onEvent: printer.print }
  const { tail, ...rest } = input
  let begin: VerbInput<'events'> = tail === undefined ? rest : { ...rest, tail }
  for (;;) {
    const since = clock.monotonic()
    const waitMs = hasLimit ? input.wait_ms : longestWaitMs
    const page = await caller.call('events', { ...begin, cursor: printer.cursor(), wait_ms: waitMs }, options)
    for (const event of page.events) printer.print(event)
    if (hasLimit || signal.aborted) return exitCodes.ok
    begin = rest
    printer.skipTo(page.cursor)
    // A daemon that answers at once, again and again, must not make us spin.
    if (clock.monotonic() - since < shortestCallMs) await pause(clock, shortestCallMs, signal)
  }
}

interface Printer {
  /** Prints an event once, however it came. */
  readonly print: (event: WireEvent) => void
  /** Everything up to here has been seen, or is not wanted. */
  skipTo(seq: number): void
  cursor(): number
}

function createPrinter({ out, isJson }: Session, input: VerbInput<'events'>): Printer {
  let cursor = input.cursor ?? 0
  const show = out.isTerminal ? createEventLines(out, { isOneTurn: input.turn_id !== undefined }) : null
  return {
    print(event) {
      if (event.seq <= cursor) return
      cursor = event.seq
      if (isJson) out.line(jsonLine({ type: 'event', ...event }))
      else if (show !== null) show(event)
      else out.line([event.seq, moment(event.at), event.kind, event.turn_id ?? '-', noteOf(event).text].join('\t'))
    },
    skipTo(seq) {
      cursor = Math.max(cursor, seq)
    },
    cursor: () => cursor,
  }
}

/** How to read on, for a program as a last line, for a person only when there is more. */
function writeRest({ out, err, isJson }: Session, page: { readonly cursor: number; readonly has_more: boolean }): void {
  if (isJson) out.line(jsonLine({ type: 'cursor', cursor: page.cursor, has_more: page.has_more }))
  else if (page.has_more) err.line(`tandem: there are more; read on with \`tandem events --cursor ${page.cursor}\``)
}

const longestWaitMs = 86_400_000
const shortestCallMs = 1000
/** What a person sees of what went before. */
const shownBefore = 20
