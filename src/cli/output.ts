import { systemCodeOf } from '#kernel'
import type { CliEnvironment, OutputStream } from './deps.ts'
import { createPaint } from './paint.ts'
import type { Paint } from './paint.ts'

/** One of the two output streams, with what a view has to know of it. Disposing stops listening; the stream stays open. */
export interface Output extends Disposable {
  readonly isTerminal: boolean
  /** It can be drawn over: a terminal that is not "dumb". */
  readonly canRedraw: boolean
  readonly paint: Paint
  readonly columns: () => number
  /**
   * Never throws: what a broken stream does not take is dropped. Writes to terminals, files and pipes are synchronous
   * on Linux, so nothing piles up here.
   */
  readonly write: (text: string) => void
  readonly line: (text: string) => void
  /** Resolves when everything is written, or the stream is broken. */
  flush(): Promise<void>
  /** Resolves, and only then, when the reader has left or the stream failed. */
  readonly broken: Promise<void>
  /** Null while it works; `reader-left` is EPIPE. */
  failure(): 'reader-left' | Error | null
}

export function openOutput(stream: OutputStream, environment: CliEnvironment): Output {
  const isTerminal = stream.isTTY === true
  const state = watchStream(stream)
  const write = (text: string): void => {
    if (text !== '') state.write(text)
  }
  return {
    isTerminal,
    canRedraw: isTerminal && environment.TERM !== 'dumb',
    paint: createPaint(hasColours(isTerminal, environment)),
    columns: () => Math.max(20, stream.columns || usualColumns),
    write,
    line: text => write(`${text}\n`),
    flush: () => state.flush(),
    broken: state.broken,
    failure: () => state.failure(),
    [Symbol.dispose]: () => state.stop(),
  }
}

interface StreamState {
  write(text: string): void
  flush(): Promise<void>
  failure(): 'reader-left' | Error | null
  readonly broken: Promise<void>
  stop(): void
}

function watchStream(stream: OutputStream): StreamState {
  const broken = Promise.withResolvers<void>()
  let failure: 'reader-left' | Error | null = null
  let last: Promise<void> = Promise.resolve()
  const onError = (error: Error): void => {
    failure ??= systemCodeOf(error) === 'EPIPE' ? 'reader-left' : error
    broken.resolve()
  }
  stream.on('error', onError)
  return {
    write(text) {
      if (failure !== null) return
      const written = Promise.withResolvers<void>()
      last = written.promise
      stream.write(text, error => {
        if (error) onError(error)
        written.resolve()
      })
    },
    flush: () => Promise.race([last, broken.promise]),
    failure: () => failure,
    broken: broken.promise,
    stop: () => void stream.off('error', onError),
  }
}

/** Also where a terminal says 0: it does not know. */
const usualColumns = 80

/** https://no-color.org: any value but the empty one means no. */
function hasColours(isTerminal: boolean, environment: CliEnvironment): boolean {
  if (environment.NO_COLOR) return false
  if (environment.FORCE_COLOR && environment.FORCE_COLOR !== '0') return true
  return isTerminal && environment.TERM !== 'dumb'
}
