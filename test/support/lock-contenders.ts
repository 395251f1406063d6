import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface Contender {
  readonly pid: number | undefined
  /** Its next word, or "" at its end. */
  heard(): Promise<string>
  tell(): void
  kill(): Promise<void>
}

export type LockedAs = 'daemon' | 'stranger' | 'store copy'

/** Processes that want the lock of a directory and do as they are told: see hold-lock.ts. */
export interface Contenders extends AsyncDisposable {
  readonly all: readonly Contender[]
}

export async function startContenders(
  directory: string,
  options: {
    readonly count: number
    readonly waitMs: number
    /** What their command line says that they are. Default: a daemon. */
    readonly as?: LockedAs
  },
): Promise<Contenders> {
  const words = [directory, String(options.waitMs), ...(options.as ?? 'daemon').split(' ')]
  const all = Array.from({ length: options.count }, () => startContender(words))
  await Promise.all(all.map(one => one.heard()))
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map(one => one.kill()))
    },
  }
}

function startContender(words: readonly string[]): Contender {
  const program = fileURLToPath(new URL('./hold-lock.ts', import.meta.url))
  const child = spawn(process.execPath, [program, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    pid: child.pid,
    heard: async () => (await lines.next()).value ?? '',
    tell: () => void child.stdin.write('\n'),
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
