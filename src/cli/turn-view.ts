import type { TurnAnswer, WireEvent } from '#contracts'
import { plain } from './plain-text.ts'

/** How a turn that is waited for is shown. Disposing takes a status line away. */
export interface TurnView extends Disposable {
  /** Null when this view has no use for events. */
  readonly onEvent: ((event: WireEvent) => void) | null
  answer(answer: TurnAnswer): void
  /** We leave, the turn goes on. */
  detached(turnId: string): void
  cancelled(turnId: string, answer: TurnAnswer | null): void
}

/** What a person reads after the first Ctrl-C. */
export const detachedText = (turnId: string): string =>
  `tandem: left, the turn goes on; \`tandem wait ${plain(turnId)}\` comes back to it, Ctrl-C again cancels it`
