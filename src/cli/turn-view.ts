import type { TurnAnswer, WireEvent } from '#contracts'
import { plain } from '#kernel'

/** How a turn that is waited for is shown. Disposing takes a status line away. */
export interface TurnView extends Disposable {
  /** Null when this view has no use for events. */
  readonly onEvent: ((event: WireEvent) => void) | null
  answer(answer: TurnAnswer): void
  /** We leave, the turn goes on; null: nobody knows whether there is one. */
  detached(turnId: string | null): void
  /** The second Ctrl-C: interrupted, or not yet known to be when the answer says otherwise or is missing. */
  cancelled(turnId: string, answer: TurnAnswer | null): void
}

/** What a person reads after the first Ctrl-C. */
export const detachedText = (turnId: string | null): string =>
  turnId === null
    ? 'tandem: left before the turn was accepted; `tandem turns` shows whether it was'
    : `tandem: left, the turn goes on; \`tandem wait ${plain(turnId)}\` comes back to it, Ctrl-C again cancels it`

/** What a person reads after the second. */
export const cancelledText = (turnId: string, answer: TurnAnswer | null): string =>
  isInterrupted(answer)
    ? `tandem: cancelled ${plain(turnId)}`
    : `tandem: asked to cancel ${plain(turnId)}, not confirmed yet; \`tandem wait ${plain(turnId)}\` shows how it ends`

export const isInterrupted = (answer: TurnAnswer | null): boolean => answer?.status === 'interrupted'
