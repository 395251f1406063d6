import type { AppError } from '#kernel'
import type { Store } from '#store'

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
  /** The next commit with an event of this kind fails with the error; resolves when it has. */
  refuseNext(kind: string, error: AppError): Promise<void>
}

const never = new Promise<never>(() => undefined)

export function severable(store: Store): SeverableStore {
  const severed = Promise.withResolvers<void>()
  let isSevered = false
  let point: CrashPoint | undefined
  let commits = 0
  let refusal: { readonly kind: string; readonly error: AppError; readonly done: () => void } | undefined

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
        return (...input: readonly unknown[]) => (isSevered ? never : Reflect.apply(member, target, input))
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
    refuseNext(kind, error) {
      const { promise, resolve } = Promise.withResolvers<void>()
      refusal = { kind, error, done: resolve }
      return promise
    },
    store: {
      nodeId: store.nodeId,
      agents: gated(store.agents),
      turns: gated(store.turns),
      events: gated(store.events),
      settings: gated(store.settings),
      onEvents: listener => store.onEvents(events => (isSevered ? undefined : listener(events))),
      async commit(work) {
        if (isSevered) return never
        const refused = refusal
        if (refused !== undefined && work.events?.some(event => event.kind === refused.kind) === true) {
          refusal = undefined
          refused.done()
          throw refused.error
        }
        commits += 1
        if (commits !== point?.commit) return store.commit(work)
        if (point.side === 'after') await store.commit(work)
        sever()
        return never
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    },
  }
}
