import { tooManyCalls } from './errors.ts'

/** Counts the calls that wait, of one client and of all. */
export interface CallBudget {
  readonly used: number
  /** Throws SOCKET_TOO_MANY_CALLS, or takes a place until disposed. */
  take(): Disposable
}

export function createCallBudget(max: number, parent?: CallBudget): CallBudget {
  let used = 0
  return {
    get used() {
      return used
    },
    take() {
      if (used >= max) throw tooManyCalls(max, parent === undefined ? 'all clients' : 'this client')
      const outer = parent?.take()
      used += 1
      return {
        [Symbol.dispose]() {
          used -= 1
          outer?.[Symbol.dispose]()
        },
      }
    },
  }
}
