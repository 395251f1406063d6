import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { messageOf, systemCodeOf } from '#kernel'
import { logUnusable } from './errors.ts'

/** Undefined where there is none (any more). LOG_UNWRITABLE where it is no file, or not ours to read. */
export function openLogFile(path: string): LogFile | undefined {
  const fd = openedAt(path)
  if (fd === undefined) return undefined
  const found = fstatSync(fd)
  if (found.isFile()) return new LogFile(fd)
  closeSync(fd)
  throw logUnusable(path, found.isDirectory() ? 'it is a directory' : 'it is not a file')
}

function openedAt(path: string): number | undefined {
  try {
    // A pipe without a writer would be waited for.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw logUnusable(path, systemCodeOf(error) ?? messageOf(error), error)
  }
}

/** A log that is read on from where the last reading ended, under whatever name it has by then. */
export class LogFile implements Disposable {
  readonly #fd: number
  #offset = 0
  /** The beginning of a line whose end is not there yet. */
  #partial: Buffer = Buffer.alloc(0)

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Passes whole lines with their ends, up to the end of the file or until the signal aborts. */
  async read(signal: AbortSignal, take: (line: string) => void): Promise<void> {
    const chunk = Buffer.alloc(chunkBytes)
    for (;;) {
      const count = readSync(this.#fd, chunk, 0, chunkBytes, this.#offset)
      if (count === 0) return
      this.#offset += count
      const rest = passLines(Buffer.concat([this.#partial, chunk.subarray(0, count)]), take)
      this.#partial = Buffer.from(rest)
      // So that Ctrl-C, or a reader who leaves, ends a long reading.
      await setImmediate()
      if (signal.aborted) return
    }
  }

  rewind(): void {
    this.#offset = 0
    this.#partial = Buffer.alloc(0)
  }

  /** Emptied in place, as one does to make room: the offset would be beyond the end for a long time. */
  startOverIfCut(): void {
    if (fstatSync(this.#fd).size < this.#offset) this.rewind()
  }

  isAt(path: string): boolean {
    return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(this.#fd).ino
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }
}

/** What is left begins an unfinished line; one that is too long to hold is passed as far as it goes. */
function passLines(bytes: Buffer, take: (line: string) => void): Buffer {
  let start = 0
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    take(bytes.toString('utf8', start, end + 1))
    start = end + 1
  }
  const rest = bytes.subarray(start)
  if (rest.length < longestLine) return rest
  take(rest.toString('utf8'))
  return Buffer.alloc(0)
}

const chunkBytes = 65_536
const longestLine = 1024 * 1024
