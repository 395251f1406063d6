import type { AppError } from '#kernel'

/** How a run ended: with an outcome to be recorded, or paused (the daemon stops; the turn goes on later). */
export type RunOutcome =
  | { readonly kind: 'completed' }
  | { readonly kind: 'failed'; readonly error: AppError }
  | { readonly kind: 'interrupted'; readonly by: string }
  | { readonly kind: 'paused' }
  /** It had its outcome already. */
  | { readonly kind: 'over' }
