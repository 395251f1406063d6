import type { Config, VerbCaller, VerbName } from '#contracts'
import type { Clock, Log } from '#kernel'
import type { HttpState } from './http-door.ts'
import type { StopRequest } from './stop-request.ts'

export interface IdleDeps {
  readonly clock: Clock
  /** 0: `onIdle` is never called. */
  readonly idleMs: number
  /** Somebody is connected through any door. */
  readonly hasClients: () => boolean
  /** A turn is queued or runs. */
  readonly hasWork: () => boolean
  readonly onIdle: () => void
}

/** Knows since when nobody wants anything of the daemon. Disposing ends the watching. */
export interface IdleWatch extends Disposable {
  /** Wall clock, ms; null: there is a turn, or a call is under way. */
  since(): number | null
  /** The same port; what is called through it counts. */
  counting(verbs: VerbCaller): VerbCaller
  /** While it is held, a connection to our own socket is not a client's. */
  ownConnection(): Disposable
}

/** Calls `onIdle` once, when there was no client, no call and no turn for `idleMs`. */
export function watchIdle(deps: IdleDeps): IdleWatch {
  const { clock, idleMs } = deps
  const everyMs = idleMs === 0 ? 5000 : Math.max(20, Math.min(1000, idleMs / 4))
  let last = { wall: clock.now(), monotonic: clock.monotonic() }
  let calls = 0
  let own = 0
  // Whoever had it started is on the way.
  let hasServed = false
  let ownUntil = -Infinity
  let timer = clock.after(everyMs, look)

  function active(): void {
    hasServed = true
    last = { wall: clock.now(), monotonic: clock.monotonic() }
  }

  function look(): void {
    timer = clock.after(everyMs, look)
    // Our own connection cannot be told from a client's: neither the one nor the other is concluded from it.
    const isUncertain = own > 0 || clock.monotonic() < ownUntil
    if (calls > 0 || deps.hasWork()) return active()
    if (deps.hasClients()) return isUncertain ? undefined : active()
    const limitMs = hasServed ? idleMs : Math.max(idleMs, firstClientMs)
    if (idleMs === 0 || clock.monotonic() - last.monotonic < limitMs) return
    timer[Symbol.dispose]()
    deps.onIdle()
  }

  return {
    since: () => (calls > 0 || deps.hasWork() ? null : last.wall),
    counting: verbs => ({
      async call(verb, input, options) {
        if (onlyLook.has(verb)) return verbs.call(verb, input, options)
        calls += 1
        try {
          return await verbs.call(verb, input, options)
        } finally {
          calls -= 1
          active()
        }
      },
    }),
    ownConnection() {
      own += 1
      return {
        [Symbol.dispose]() {
          own -= 1
          // Its other end learns of the end a moment later.
          ownUntil = clock.monotonic() + 500
        },
      }
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  }
}

/** As long as a client waits for a daemon that it started. */
const firstClientMs = 10_000

/** The daemon's own: its doors open and its rooms are built after it, and until then it is not idle. */
export function watchIdleDaemon(deps: {
  readonly config: Pick<Config, 'daemon'>
  readonly clock: Clock
  readonly log: Log
  readonly stop: StopRequest
  readonly late: {
    readonly door?: { readonly clients: number }
    readonly http?: { state(): HttpState }
    readonly rooms?: { hasWork(): boolean }
  }
}): IdleWatch {
  const { clock, config, late, log, stop } = deps
  const { idle_shutdown_ms: idleMs } = config.daemon
  // Its calls are counted like all others. An open connection is nobody yet: a client keeps one between two looks at `/healthz`.
  const httpClients = (): number => {
    const state = late.http?.state()
    return state?.kind === 'serving' ? state.sessions : 0
  }
  return watchIdle({
    clock,
    idleMs,
    hasClients: () => (late.door?.clients ?? 0) + httpClients() > 0,
    hasWork: () => late.rooms?.hasWork() ?? false,
    onIdle() {
      // A second order would mean: at once.
      if (stop.isStopping) return
      log.info({ idleMs }, 'nobody wanted anything for long enough: the daemon ends')
      stop.order({ reason: 'idle', graceMs: 0 })
    },
  })
}

/** Who asks only how the daemon is does not keep it awake by that. */
const onlyLook: ReadonlySet<VerbName> = new Set<VerbName>(['health', 'status', 'log_level'])
