import { createEmitter } from '#kernel'
import { requestNotSeen, scriptedModelStopped } from './errors.ts'
import type { Clock } from '#kernel'
import type { Dialect, JsonObject } from './request-view.ts'

/** `playing` until the answer has ended, then how it ended. */
export type RequestOutcome = 'playing' | 'played' | 'error' | 'cut' | 'client-gone' | 'unmatched'

/** What came and what became of it. A snapshot: a later state is a new object with the same `index`. */
export interface RecordedRequest {
  readonly index: number
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly dialect: Dialect | undefined
  readonly path: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject | undefined
  /** The last prompt as rules see it; empty for requests that are not for the model. */
  readonly lastText: string
  readonly rule: string | undefined
  readonly outcome: RequestOutcome
}

export interface Recorder {
  readonly requests: readonly RecordedRequest[]
  add(request: Omit<RecordedRequest, 'index' | 'at'>, bytes: number): Recording
  waitFor(predicate: (request: RecordedRequest) => boolean, timeoutMs: number): Promise<RecordedRequest>
  close(): void
}

export interface Recording {
  update(change: Partial<Pick<RecordedRequest, 'rule' | 'outcome'>>): void
}

/** Keeps the last requests: at most 1000, and at most 256 MiB of bodies. */
export function createRecorder(clock: Clock): Recorder {
  let entries: { request: RecordedRequest; readonly bytes: number }[] = []
  let next = 0
  let total = 0
  const changes = createEmitter<RecordedRequest | undefined>(() => undefined)
  return {
    get requests() {
      return entries.map(entry => entry.request)
    },
    add(request, bytes) {
      const entry = { request: { ...request, index: next, at: clock.now() }, bytes }
      next += 1
      total += bytes
      entries.push(entry)
      while (entries.length > maxRequests || (total > maxTotalBytes && entries.length > 1)) {
        total -= entries[0]?.bytes ?? 0
        entries = entries.slice(1)
      }
      changes.emit(entry.request)
      return {
        update(change) {
          entry.request = { ...entry.request, ...change }
          changes.emit(entry.request)
        },
      }
    },
    waitFor(predicate, timeoutMs) {
      const seen = entries.find(entry => predicate(entry.request))
      if (seen !== undefined) return Promise.resolve(seen.request)
      return new Promise((resolve, reject) => {
        const giveUp = clock.after(timeoutMs, () => {
          listener[Symbol.dispose]()
          reject(
            requestNotSeen(
              timeoutMs,
              entries.slice(-20).map(entry => lineOf(entry.request)),
            ),
          )
        })
        const listener = changes.listen(request => {
          if (request !== undefined && !predicate(request)) return
          giveUp[Symbol.dispose]()
          listener[Symbol.dispose]()
          if (request === undefined) return reject(scriptedModelStopped())
          resolve(request)
        })
      })
    },
    close: () => changes.emit(undefined),
  }
}

function lineOf(request: RecordedRequest): string {
  return `${request.method} ${request.path} ${request.rule ?? 'no rule'} ${request.outcome} ${request.lastText.slice(0, 80)}`
}

const maxRequests = 1000
const maxTotalBytes = 256 * 2 ** 20
