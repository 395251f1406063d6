import type { AppError } from '#kernel'
import type { EventInput, Store, StoredEvent } from '#store'

export type CrashPoint = {
  /** The n-th commit from now on; 1 is the next one. */
  readonly commit: number
  /** `before`: it is not written. `after`: it is written, but nobody is told. */
  readonly side: 'before' | 'after'
}

/** A store that can be cut off as by a kill -9: from then on nothing is written, and nobody gets an answer any more. */
export interface SeverableStore {
  readonly store: Store
  sever(): void
  severAt(point: CrashPoint): Promise<void>
  /** The next event of this kind is refused with the error, also when it is tried again in another write; resolves when it was. */
  refuseNext(kind: string, error: AppError): Promise<void>
  /** The next write with an event of this kind is written, and answered with the error all the same. */
  loseAnswer(kind: string, error: AppError): void
  /** The first read after an event of this kind was written is refused with the error. */
  refuseReadAfter(kind: string, error: AppError): void
}

const never = new Promise<never>(() => undefined)

export function severable(store: Store): SeverableStore {
  const severed = Promise.withResolvers<void>()
  let isSevered = false
  let point: CrashPoint | undefined
  let commits = 0
  const refusals = createRefusals()
  const readRefusal = createReadRefusal()
  const lostAnswer = createLostAnswer()

  function sever(): void {
    isSevered = true
    severed.resolve()
  }

  /** Reads of a dead process bring nothing. */
  function gated<T extends object>(queries: T): T {
    return new Proxy(queries, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver)
        if (typeof member !== 'function') return member
        return (...input: readonly unknown[]) =>
          isSevered ? never : (readRefusal.take() ?? Reflect.apply(member, target, input))
      },
    })
  }

  return {
    sever,
    severAt(at) {
      point = at
      commits = 0
      return severed.promise
    },
    refuseNext: refusals.refuseNext,
    refuseReadAfter: readRefusal.refuseReadAfter,
    loseAnswer: lostAnswer.loseAnswer,
    store: {
      nodeId: store.nodeId,
      agents: gated(store.agents),
      turns: gated(store.turns),
      events: gated(store.events),
      settings: gated(store.settings),
      damage: () => store.damage(),
      onEvents: listener => store.onEvents(events => (isSevered ? undefined : listener(events))),
      async commit(work) {
        if (isSevered) return never
        const refused = refusals.in(work.events ?? [])
        if (refused !== undefined) throw refused
        commits += 1
        if (commits !== point?.commit) return lostAnswer.seen(readRefusal.seen(await store.commit(work)))
        if (point.side === 'after') await store.commit(work)
        sever()
        return never
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    },
  }
}

/** By the event itself: what was refused with others is refused alone, too. */
function createRefusals(): Pick<SeverableStore, 'refuseNext'> & {
  in(events: readonly EventInput[]): AppError | undefined
} {
  const refused = new Map<EventInput, AppError>()
  let next: { readonly kind: string; readonly error: AppError; readonly done: () => void } | undefined
  return {
    refuseNext(kind, error) {
      const { promise, resolve } = Promise.withResolvers<void>()
      next = { kind, error, done: resolve }
      return promise
    },
    in(events) {
      const found = events.find(event => event.kind === next?.kind)
      if (next !== undefined && found !== undefined) {
        refused.set(found, next.error)
        next.done()
        next = undefined
      }
      return events.map(event => refused.get(event)).find(error => error !== undefined)
    },
  }
}

function createLostAnswer(): Pick<SeverableStore, 'loseAnswer'> & {
  seen(stored: readonly StoredEvent[]): readonly StoredEvent[]
} {
  let waiting: { readonly kind: string; readonly error: AppError } | undefined
  return {
    loseAnswer(kind, error) {
      waiting = { kind, error }
    },
    seen(stored) {
      if (waiting === undefined || !stored.some(event => event.kind === waiting?.kind)) return stored
      const { error } = waiting
      waiting = undefined
      throw error
    },
  }
}

function createReadRefusal(): Pick<SeverableStore, 'refuseReadAfter'> & {
  seen(stored: readonly StoredEvent[]): readonly StoredEvent[]
  take(): Promise<never> | undefined
} {
  let waiting: { readonly kind: string; readonly error: AppError } | undefined
  let due: AppError | undefined
  return {
    refuseReadAfter(kind, error) {
      waiting = { kind, error }
    },
    seen(stored) {
      if (waiting !== undefined && stored.some(event => event.kind === waiting?.kind)) {
        due = waiting.error
        waiting = undefined
      }
      return stored
    },
    take() {
      if (due === undefined) return undefined
      const refused = Promise.reject(due)
      due = undefined
      return refused
    },
  }
}
