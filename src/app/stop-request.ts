/** How the daemon is to stop. */
export interface StopOrder {
  readonly reason: 'down' | 'upgrade' | 'idle'
  /** How long running turns may take to end; undefined: as configured. */
  readonly graceMs: number | undefined
}

/** The one wish to stop, from a signal or a verb; a second one means now. */
export interface StopRequest {
  /** The first order. */
  readonly ordered: Promise<StopOrder>
  /** Aborts with the second one: no more grace. */
  readonly now: AbortSignal
  readonly isStopping: boolean
  order(order: StopOrder): void
}

export function createStopRequest(): StopRequest {
  const ordered = Promise.withResolvers<StopOrder>()
  const now = new AbortController()
  let isStopping = false
  return {
    ordered: ordered.promise,
    now: now.signal,
    get isStopping() {
      return isStopping
    },
    order(order) {
      if (isStopping) now.abort()
      isStopping = true
      ordered.resolve(order)
    },
  }
}
