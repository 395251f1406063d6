import { closeSync, writeSync } from 'node:fs'
import { messageOf } from '#kernel'
import { isStillThere, openPrivate, setAside } from './log-files.ts'
import type { Clock } from '#kernel'
import type { OpenFile } from './log-files.ts'

/** Lines to a file that is set aside when it is full and when its day is over. */
export interface RotatingFile extends Disposable {
  /** `now`: it is with the system when this returns. `soon`: within a tenth of a second, together with others. */
  write(line: string, when: 'now' | 'soon'): void
  /** Looks whether the file can be written, and takes it up again when it can. Why not, or null. */
  check(): string | null
}

export interface RotatingFileOptions {
  readonly file: string
  readonly maxBytes: number
  /** How many that were set aside are kept. */
  readonly maxFiles: number
  readonly clock: Clock
  /** Gets what the file does not take (full disk, removed directory), so that nothing is lost in silence. */
  readonly fallback: (lines: string) => void
}

export function openRotatingFile(options: RotatingFileOptions): RotatingFile {
  return new Rotating(options)
}

class Rotating implements RotatingFile {
  readonly #options: RotatingFileOptions
  #open: OpenFile | undefined
  #problem: string | null = null
  /** The file ends in the middle of a line: the disk took only a part of it. */
  #isTorn = false
  #checkedAt = 0
  #setAsideFailedAt = -Infinity
  #soon = ''
  #timer: Disposable | undefined
  #isClosed = false

  constructor(options: RotatingFileOptions) {
    this.#options = options
    this.#checkedAt = options.clock.monotonic()
    this.#tryOpen()
  }

  write(line: string, when: 'now' | 'soon'): void {
    // After close (a late callback) the line still goes somewhere.
    if (this.#isClosed) return this.#options.fallback(line)
    this.#soon += line
    if (when === 'now' || this.#soon.length >= Math.min(maxSoonChars, this.#options.maxBytes)) return this.#flush()
    this.#timer ??= this.#options.clock.after(soonMs, () => this.#flush())
  }

  check(): string | null {
    if (this.#isClosed) return this.#problem
    this.#checkedAt = this.#options.clock.monotonic()
    this.#leaveLost()
    if (this.#open === undefined) this.#tryOpen()
    // Whether a disk has room again shows only when something is written: a blank line, which readers skip.
    else if (this.#problem !== null && !this.#isSetAsideProblem()) this.#append(this.#open, Buffer.from('\n'))
    return this.#problem
  }

  [Symbol.dispose](): void {
    this.#flush()
    this.#isClosed = true
    this.#close()
  }

  #flush(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    const lines = this.#soon
    this.#soon = ''
    if (lines !== '') this.#put(lines)
  }

  #put(lines: string): void {
    const { clock, fallback } = this.#options
    if (clock.monotonic() - this.#checkedAt >= checkEveryMs) {
      this.#checkedAt = clock.monotonic()
      this.#leaveLost()
    }
    const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines)
    if (this.#open !== undefined && this.#isDone(this.#open, bytes.length)) this.#setAside(this.#open)
    // Tried again for each line as long as it fails: a missing directory comes back.
    if (this.#open === undefined) this.#tryOpen()
    if (this.#open === undefined || !this.#append(this.#open, bytes)) fallback(lines)
  }

  #isDone(open: OpenFile, more: number): boolean {
    if (open.size === 0 || this.#options.clock.monotonic() - this.#setAsideFailedAt < setAsideAgainMs) return false
    // A clock that jumps back finds the day not over: the file is not set aside again and again.
    return open.size + more > this.#options.maxBytes || this.#options.clock.now() >= open.dayEndsAtMs
  }

  #append(open: OpenFile, bytes: Buffer): boolean {
    let offset = 0
    try {
      while (offset < bytes.length) offset += writeSync(open.fd, bytes, offset)
      this.#isTorn = false
      if (!this.#isSetAsideProblem()) this.#problem = null
      return true
    } catch (error) {
      // A full disk must not stop the daemon; the next line tries the file again.
      this.#isTorn ||= offset > 0
      this.#fail(`it cannot be written: ${messageOf(error)}`)
      return false
    } finally {
      open.size += offset
    }
  }

  #setAside(done: OpenFile): void {
    const { file, maxFiles, clock } = this.#options
    try {
      setAside(file, done, maxFiles)
      this.#setAsideFailedAt = -Infinity
      this.#problem = null
      this.#close()
      this.#tryOpen()
    } catch (error) {
      // It goes on growing, which is better than no log; health tells.
      this.#setAsideFailedAt = clock.monotonic()
      this.#fail(`it is full and cannot be set aside: ${messageOf(error)}`)
    }
  }

  #isSetAsideProblem(): boolean {
    return this.#setAsideFailedAt !== -Infinity
  }

  #tryOpen(): void {
    const { file, clock } = this.#options
    try {
      this.#open = openPrivate(file, clock.now())
      this.#problem = null
      this.#isTorn = false
    } catch (error) {
      this.#fail(`it cannot be opened: ${messageOf(error)}`)
    }
  }

  /** What is written into a file that was removed is lost: better the problem, or a new file. */
  #leaveLost(): void {
    if (this.#open === undefined) return
    try {
      if (isStillThere(this.#options.file, this.#open)) return
    } catch {
      // Its directory is no directory any more, or out of reach: opening tells.
    }
    this.#setAsideFailedAt = -Infinity
    this.#close()
  }

  #close(): void {
    if (this.#open !== undefined) closeSync(this.#open.fd)
    this.#open = undefined
  }

  /** Said once for each reason, where the lines go meanwhile. */
  #fail(problem: string): void {
    const { file, fallback } = this.#options
    if (this.#problem !== problem)
      fallback(`${JSON.stringify({ level: 'warn', msg: 'the log file does not work', file, reason: problem })}\n`)
    this.#problem = problem
  }
}

const soonMs = 100
const maxSoonChars = 65_536
const checkEveryMs = 1000
const setAsideAgainMs = 60_000
