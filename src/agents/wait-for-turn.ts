import { within } from '#kernel'
import type { Clock, TurnId } from '#kernel'
import type { Store, TurnRow } from '#store'
import { turnUnknown } from './errors.ts'
import { isOpen } from './turn-status.ts'

const lookAgainMs = 30_000
/** For a turn of another node nothing wakes a waiter here. */
const lookElsewhereMs = 1000

export interface WaitDeps {
  readonly store: Pick<Store, 'nodeId' | 'onEvents'> & { readonly turns: Pick<Store['turns'], 'byId'> }
  readonly clock: Clock
}

/** The turn when it has ended, or as it is when the time is up or the caller leaves. */
export async function waitForTurn(
  deps: WaitDeps,
  turnId: TurnId,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<TurnRow> {
  const ended = Promise.withResolvers<void>()
  using _listening = deps.store.onEvents(events => {
    if (events.some(event => event.turnId === turnId && event.kind === 'turn.ended')) ended.resolve()
  })
  const turn = await findTurn(deps.store, turnId)
  if (!isOpen(turn) || options.timeoutMs === 0 || options.signal?.aborted) return turn
  const leave = (): void => ended.resolve()
  options.signal?.addEventListener('abort', leave, { once: true })
  const after = await untilEnded(deps, turn, options.timeoutMs, ended.promise)
  options.signal?.removeEventListener('abort', leave)
  return after
}

export async function findTurn(store: Pick<WaitDeps['store'], 'turns'>, turnId: TurnId): Promise<TurnRow> {
  const turn = await store.turns.byId(turnId)
  if (turn === undefined) throw turnUnknown(turnId)
  return turn
}

/** The event is what wakes it; it looks now and then all the same, so that a missed one costs time and not the answer. */
async function untilEnded(
  { clock, store }: WaitDeps,
  { id, nodeId }: TurnRow,
  timeoutMs: number,
  ended: Promise<void>,
): Promise<TurnRow> {
  const lookMs = nodeId === store.nodeId ? lookAgainMs : lookElsewhereMs
  const until = clock.monotonic() + timeoutMs
  for (;;) {
    const leftMs = Math.max(0, until - clock.monotonic())
    const first = await within(clock, Math.min(leftMs, lookMs), ended)
    const turn = await findTurn(store, id)
    if (first.kind === 'done' || !isOpen(turn) || leftMs <= lookMs) return turn
  }
}
