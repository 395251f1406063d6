import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setAsideLogs } from '#contracts'
import { sleep } from '#kernel'
import { logMissing, logUnusable } from './errors.ts'
import { openLogFile } from './log-file.ts'
import type { Places } from '#contracts'
import type { Clock } from '#kernel'
import type { LogFile } from './log-file.ts'

export interface ReadLogOptions {
  /** Last lines to begin with; Infinity: all. */
  readonly lines: number
  /**
   * Lines that are not are neither passed nor counted; each file's are asked about in their order, and all of them once more where
   * they had to be counted first.
   */
  readonly isWanted?: (line: string) => boolean
  /** Go on with new lines until `signal` aborts. */
  readonly follow: boolean
  readonly signal: AbortSignal
  /** Whole lines of the log: each is one JSON object, or text that a crashing program left. */
  readonly write: (text: string) => void
}

/**
 * Passes the end of the daemon's log, across rotations; needs no daemon. However many lines it is, no more than one of
 * them is held: what is to be left out is counted first, and then the rest is read again.
 */
export async function readLog(
  deps: { readonly places: Places; readonly clock: Clock },
  options: ReadLogOptions,
): Promise<void> {
  const file = deps.places.logFile
  if (!existsSync(file) && !options.follow) {
    // The daemon follows no link, so that it may well run and have its log elsewhere.
    if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) throw logUnusable(file, 'it is a link to nothing')
    throw logMissing(file)
  }
  using follower = new LogFollower(file, options)
  await follower.begin(options.lines)
  while (options.follow && !options.signal.aborted) {
    await follower.passNew()
    await sleep(pollMs, options.signal).catch(stopFollowing)
  }
}

/** The signal is how a follower ends: no failure. */
const stopFollowing = (): void => undefined

/** Holds the file open, so that what was written before a rotation is still read to its end. */
class LogFollower implements Disposable {
  readonly #path: string
  readonly #signal: AbortSignal
  readonly #write: (text: string) => void
  readonly #isWanted: (line: string) => boolean
  #file: LogFile | undefined

  constructor(path: string, options: Omit<ReadLogOptions, 'lines' | 'follow'>) {
    const { write, signal, isWanted = () => true } = options
    this.#path = path
    this.#signal = signal
    this.#write = write
    // To see whether there is room on the disk the daemon writes an empty line: nothing to read.
    this.#isWanted = line => line.trim() !== '' && isWanted(line)
  }

  async begin(count: number): Promise<void> {
    using opened = new DisposableStack()
    this.#file = openLogFile(this.#path)
    const chosen = this.#file === undefined ? [] : [this.#file]
    let missing = count - (await this.#countOf(this.#file, count))
    for (const path of setAsideOf(this.#path).reverse()) {
      if (missing <= 0) break
      // Set aside while we look: we have it.
      if (this.#file?.isAt(path) === true) continue
      const older = opened.adopt(openLogFile(path), close)
      missing -= await this.#countOf(older, count)
      if (older !== undefined) chosen.unshift(older)
    }
    await this.#passAll(chosen, { except: Math.max(0, -missing) })
  }

  /** What came since the last look. */
  async passNew(): Promise<void> {
    for (;;) {
      this.#file ??= openLogFile(this.#path)
      const file = this.#file
      if (file === undefined) return
      file.startOverIfCut()
      await this.#passAll([file], { except: 0 })
      if (this.#signal.aborted || !this.#wasReplaced(file)) return
      // What came between the read and the rotation.
      await this.#passAll([file], { except: 0 })
      const between = setAsideSince(this.#path, file)
      this.#close()
      for (const path of between) await this.#passFile(path)
    }
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  async #passFile(path: string): Promise<void> {
    using file = openLogFile(path)
    if (file !== undefined) await this.#passAll([file], { except: 0 })
  }

  /** How many of its lines are wanted; it is at its beginning again. Where all are, nobody needs to know. */
  async #countOf(file: LogFile | undefined, wanted: number): Promise<number> {
    if (file === undefined || wanted === Infinity) return 0
    let count = 0
    await file.read(this.#signal, line => {
      if (this.#isWanted(line)) count += 1
    })
    file.rewind()
    return count
  }

  /** The wanted lines of files, in their order, without so many of the first. */
  async #passAll(files: readonly LogFile[], { except }: { readonly except: number }): Promise<void> {
    let left = except
    for (const file of files) {
      await file.read(this.#signal, line => {
        if (!this.#isWanted(line)) return
        if (left > 0) left -= 1
        else this.#write(line)
      })
    }
  }

  #wasReplaced(file: LogFile): boolean {
    return existsSync(this.#path) && !file.isAt(this.#path)
  }

  #close(): void {
    close(this.#file)
    this.#file = undefined
  }
}

const close = (file: LogFile | undefined): void => file?.[Symbol.dispose]()

/** Files that were begun and set aside after this one. */
function setAsideSince(path: string, file: LogFile): readonly string[] {
  const files = setAsideOf(path)
  const own = files.findIndex(one => file.isAt(one))
  return own === -1 ? [] : files.slice(own + 1)
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

const pollMs = 150
