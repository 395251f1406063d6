import { spawn } from 'node:child_process'
import { within } from '#kernel'
import { createLineReader } from './lines.ts'
import { killMarked, killTree, markName, signalGroup } from './process-tree.ts'
import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process'
import type { Clock } from '#kernel'

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
  /** The end of what it wrote to stderr since it was ready, without control characters. */
  readonly stderrTail: string
  /** Set when it could not even be started. */
  readonly spawnError: Error | null
}

/** A program that speaks in lines on stdio, in its own process group. Ends with `stop` or `kill`. */
export interface Child {
  /** -1 when it could not be started (`exited` says why). */
  readonly pid: number
  readonly exited: Promise<ChildExit>
  /** When the last byte of any kind came from it (monotonic). */
  lastByteAtMs(): number
  /** What it wrote to stderr so far did not end it. */
  forgetStart(): void
  /** Resolves when the line is in the pipe: that is the back-pressure. */
  write(line: string): Promise<void>
  /** End of stdin, 2 s, SIGTERM, 1 s, SIGKILL of the whole tree. */
  stop(): Promise<ChildExit>
  kill(): void
}

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Unique to this process: goes into its environment, and what still has it at its end is killed. */
  readonly mark: string
  /** Which rights it does not give to files that it makes; undefined: as we do. */
  readonly umask: number | undefined
  readonly clock: Clock
  readonly maxLineBytes: number
  readonly onLine: (line: string) => void
  readonly onLineTooLong: (bytes: number) => void
}

export function startChild(options: ChildOptions): Child {
  const child = spawnWith(options)
  if (isStillborn(child)) return stillborn(child)
  const pid = child.pid ?? -1
  let lastByteAt = options.clock.monotonic()
  const tail = createTail(stderrTailBytes)
  const reader = createLineReader({
    maxBytes: options.maxLineBytes,
    onLine: options.onLine,
    onTooLong: options.onLineTooLong,
  })
  child.stdout.on('data', (chunk: Buffer) => {
    lastByteAt = options.clock.monotonic()
    reader.push(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    lastByteAt = options.clock.monotonic()
    tail.push(chunk)
  })
  // The write's own callback reports it; without a listener the event would end our process.
  child.stdin.on('error', () => undefined)
  const exited = exitOf(child, options, tail)
  const kill = (): void => (pid > 0 ? killTree(pid) : undefined)
  return {
    pid,
    exited,
    kill,
    lastByteAtMs: () => lastByteAt,
    forgetStart: () => tail.clear(),
    write: line =>
      new Promise((resolve, reject) => {
        child.stdin.write(line, error => (error ? reject(error) : resolve()))
      }),
    async stop() {
      child.stdin.end()
      if ((await within(options.clock, eofGraceMs, exited)).kind === 'timeout' && pid > 0) signalGroup(pid, 'SIGTERM')
      if ((await within(options.clock, termGraceMs, exited)).kind === 'timeout') kill()
      return exited
    },
  }
}

/** `spawn` has no option for the umask; a process takes that of the moment in which it is made, before `spawn` returns. */
function spawnWith(options: ChildOptions): ChildProcessWithoutNullStreams {
  const before = process.umask()
  if (options.umask !== undefined) process.umask(options.umask)
  try {
    return spawn(options.command, [...options.args], {
      env: { ...options.env, [markName]: options.mark },
      cwd: options.cwd,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    })
  } finally {
    if (options.umask !== undefined) process.umask(before)
  }
}

/** With no descriptor left Node (24) makes no pipes, and tells by the event alone; one that nobody listened to would end our process. */
function isStillborn(child: Partial<Pick<ChildProcess, 'stdin'>>): boolean {
  return child.stdin === undefined
}

function stillborn(child: ChildProcess): Child {
  const exited = new Promise<ChildExit>(resolve => {
    child.once('error', spawnError => resolve({ code: null, signal: null, stderrTail: '', spawnError }))
  })
  return {
    pid: -1,
    exited,
    lastByteAtMs: () => 0,
    forgetStart: () => undefined,
    // Nobody reads it; whoever waits for an answer is told of the end.
    write: async () => void (await exited),
    stop: () => exited,
    kill: () => undefined,
  }
}

/** Resolves soon after the end of the process, even if something that it left behind still holds its pipes. */
function exitOf(child: ChildProcessWithoutNullStreams, options: ChildOptions, tail: Tail): Promise<ChildExit> {
  return new Promise(resolve => {
    const finish = (code: number | null, signal: string | null, spawnError: Error | null): void => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
      resolve({ code, signal, stderrTail: tail.text(), spawnError })
    }
    child.once('error', error => (child.pid === undefined ? finish(null, null, error) : undefined))
    child.once('exit', (code, signal) => {
      killMarked(options.mark)
      const late = options.clock.after(lateOutputMs, () => finish(code, signal, null))
      child.once('close', () => {
        late[Symbol.dispose]()
        finish(code, signal, null)
      })
    })
  })
}

interface Tail {
  push(chunk: Buffer): void
  clear(): void
  text(): string
}

function createTail(maxBytes: number): Tail {
  let kept = Buffer.alloc(0)
  return {
    push(chunk) {
      kept = Buffer.concat([kept, chunk])
      if (kept.length > maxBytes) kept = kept.subarray(kept.length - maxBytes)
    },
    clear: () => void (kept = Buffer.alloc(0)),
    text: () => plain(kept.toString('utf8')),
  }
}

/** Colour codes and other control characters out: the text goes into errors and logs. */
function plain(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
    .trim()
}

const stderrTailBytes = 8192
const eofGraceMs = 2000
const termGraceMs = 1000
const lateOutputMs = 200
