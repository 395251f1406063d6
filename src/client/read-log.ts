import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setAsideLogs } from '#contracts'
import { sleep } from '#kernel'
import { logMissing } from './errors.ts'
import type { Places } from '#contracts'
import type { Clock } from '#kernel'

export interface ReadLogOptions {
  /** Last lines to begin with. */
  readonly lines: number
  /** Lines that are not are neither passed nor counted; each file's are asked about in their order. */
  readonly isWanted?: (line: string) => boolean
  /** Go on with new lines until `signal` aborts. */
  readonly follow: boolean
  readonly signal: AbortSignal
  /** Whole lines of the log: each is one JSON object, or text that a crashing program left. */
  readonly write: (text: string) => void
}

/** Passes the end of the daemon's log, across rotations; needs no daemon. */
export async function readLog(
  deps: { readonly places: Places; readonly clock: Clock },
  options: ReadLogOptions,
): Promise<void> {
  const file = deps.places.logFile
  if (!existsSync(file) && !options.follow) throw logMissing(file)
  const follower = new LogFollower(file, options)
  try {
    follower.begin(options.lines)
    while (options.follow && !options.signal.aborted) {
      follower.passNew()
      await sleep(pollMs, options.signal).catch(stopFollowing)
    }
  } finally {
    follower[Symbol.dispose]()
  }
}

/** The signal is how a follower ends: no failure. */
const stopFollowing = (): void => undefined

/** Holds the file open, so that what was written before a rotation is still read to its end. */
class LogFollower implements Disposable {
  readonly #file: string
  readonly #write: (text: string) => void
  readonly #isWanted: (line: string) => boolean
  #fd: number | undefined
  #offset = 0
  #partial: Buffer = Buffer.alloc(0)

  constructor(file: string, { write, isWanted = () => true }: Pick<ReadLogOptions, 'write' | 'isWanted'>) {
    this.#file = file
    this.#write = write
    this.#isWanted = isWanted
  }

  begin(count: number): void {
    this.#open()
    const lines: string[] = []
    this.#read(line => {
      if (this.#isWanted(line)) lines.push(line)
      if (lines.length > count) lines.shift()
    })
    for (const older of setAsideOf(this.#file).reverse()) {
      if (lines.length >= count) break
      lines.unshift(...lastLinesOf(older, count - lines.length, this.#isWanted))
    }
    for (const line of lines) this.#write(line)
  }

  passNew(): void {
    this.#open()
    this.#startOverIfCut()
    this.#read(line => this.#pass(line))
    if (this.#fd === undefined || !this.#wasReplaced(this.#fd)) return
    // What came between the read and the rotation.
    this.#read(line => this.#pass(line))
    const between = this.#setAsideSince(this.#fd)
    this.#close()
    for (const file of between) for (const line of lastLinesOf(file, Infinity, this.#isWanted)) this.#write(line)
    this.passNew()
  }

  #pass(line: string): void {
    if (this.#isWanted(line)) this.#write(line)
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #open(): void {
    if (this.#fd !== undefined || !existsSync(this.#file)) return
    this.#fd = openSync(this.#file, 'r')
    this.#offset = 0
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#partial = Buffer.alloc(0)
  }

  #wasReplaced(fd: number): boolean {
    if (!existsSync(this.#file)) return false
    return statSync(this.#file).ino !== fstatSync(fd).ino
  }

  /** Emptied in place, as one does to make room: the offset would be beyond the end for a long time. */
  #startOverIfCut(): void {
    if (this.#fd === undefined || fstatSync(this.#fd).size >= this.#offset) return
    this.#offset = 0
    this.#partial = Buffer.alloc(0)
  }

  /** Files that were begun and set aside after the one that we have, all since the last look. */
  #setAsideSince(fd: number): readonly string[] {
    const { ino } = fstatSync(fd)
    const files = setAsideOf(this.#file)
    const own = files.findIndex(file => statSync(file, { throwIfNoEntry: false })?.ino === ino)
    return own === -1 ? [] : files.slice(own + 1)
  }

  #read(take: (line: string) => void): void {
    if (this.#fd === undefined) return
    const chunk = Buffer.alloc(65_536)
    for (;;) {
      const count = readSync(this.#fd, chunk, 0, chunk.length, this.#offset)
      if (count === 0) return
      this.#offset += count
      this.#partial = passLines(Buffer.concat([this.#partial, chunk.subarray(0, count)]), take)
    }
  }
}

/** Passes whole lines with their ends; what is left begins an unfinished one. */
function passLines(bytes: Buffer, take: (line: string) => void): Buffer {
  let start = 0
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, start)) {
    take(bytes.toString('utf8', start, end + 1))
    start = end + 1
  }
  return bytes.subarray(start)
}

/** Oldest first. */
function setAsideOf(file: string): string[] {
  const directory = dirname(file)
  return setAsideLogs(basename(file), namesIn(directory)).map(name => join(directory, name))
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    // Not there yet, or gone: nothing was set aside.
    return []
  }
}

function lastLinesOf(file: string, count: number, isWanted: (line: string) => boolean): string[] {
  if (!existsSync(file)) return []
  const lines: string[] = []
  const follower = new LogFollower(file, { write: line => void lines.push(line), isWanted })
  try {
    follower.passNew()
  } finally {
    follower[Symbol.dispose]()
  }
  return count === Infinity ? lines : lines.slice(-count)
}

const pollMs = 150
