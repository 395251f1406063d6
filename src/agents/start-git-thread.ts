import { messageOf, within } from '#kernel'
import type { Clock, Log } from '#kernel'
import { Worker } from 'node:worker_threads'
import { runGitHere } from './run-git.ts'
import type { GitOptions, GitResult, GitThread } from './run-git.ts'

/** What the thread is asked to do. `close`: it ends every git that still runs, and then itself. */
export type GitRequest =
  | { readonly kind: 'run'; readonly id: number; readonly args: readonly string[]; readonly options: GitOptions }
  | { readonly kind: 'close' }

export interface GitDone {
  readonly id: number
  readonly result: GitResult
}

/** How long it may take to end what it has started; killed programs are gone in milliseconds. */
const closeMs = 2000

/** What git may print (128 MiB of names, two bytes a character at worst) and little else. */
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }

/**
 * A thread in which git is started, at the first use. To start a program stops the thread that does it until the program is
 * loaded: milliseconds for a process of our size, more on a busy machine, and each turn needs several. Nobody else's events are to
 * wait for that. Disposing ends what it has started; then git is started here again, for what is still at its end.
 */
export function createGitThread(deps: { readonly clock: Clock; readonly log: Log }): GitThread & AsyncDisposable {
  // Bounded by its callers: a turn waits for one git at a time, a call that is being accepted for one.
  const waiting = new Map<number, (result: GitResult) => void>()
  let worker: Worker | undefined
  let isClosed = false
  let lastId = 0

  function start(): Worker {
    const started = new Worker(threadFile(), { resourceLimits, execArgv: [], env: {}, name: 'git' })
    // What waits for git keeps the daemon alive, not the thread.
    started.unref()
    started.on('message', ({ id, result }: GitDone) => settle(id, result))
    started.on('error', error => deps.log.warn({ error: messageOf(error) }, 'the thread that starts git failed'))
    started.on('exit', () => {
      if (worker === started) worker = undefined
      giveUpAll()
    })
    return started
  }

  function giveUpAll(): void {
    for (const id of Array.from(waiting.keys())) settle(id, lost)
  }

  function settle(id: number, result: GitResult): void {
    waiting.get(id)?.(result)
    waiting.delete(id)
  }

  return {
    run(args, options) {
      if (isClosed) return runGitHere(args, options)
      return new Promise(resolve => {
        const id = (lastId += 1)
        waiting.set(id, resolve)
        try {
          worker ??= start()
          worker.postMessage({ kind: 'run', id, args, options } satisfies GitRequest)
        } catch (error) {
          // No thread to be had: the next one tries again.
          settle(id, { ...lost, stderr: messageOf(error) })
        }
      })
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      if (worker === undefined) return
      const over = Promise.withResolvers<void>()
      worker.on('exit', () => over.resolve())
      giveUpAll()
      worker.ref()
      worker.postMessage({ kind: 'close' } satisfies GitRequest)
      await within(deps.clock, closeMs, over.promise)
      // One that did not end by itself.
      await worker?.terminate()
    },
  }
}

const lost: GitResult = {
  ok: false,
  stdout: '',
  stderr: 'the thread that starts git ended',
  wasCutOff: false,
  exitCode: null,
}

/** From source the thread is TypeScript beside this file; in a release it is a bundle of its own beside this one. */
function threadFile(): URL {
  const name = import.meta.url.endsWith('.ts') ? './git-thread.ts' : './git-thread.js'
  return new URL(name, import.meta.url)
}
