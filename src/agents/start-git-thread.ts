import { messageOf } from '#kernel'
import type { Log } from '#kernel'
import { Worker } from 'node:worker_threads'
import { runGit } from './run-git.ts'
import type { GitOptions, GitResult, GitThread } from './run-git.ts'

export interface GitJob {
  readonly id: number
  readonly args: readonly string[]
  readonly options: GitOptions
}

export interface GitDone {
  readonly id: number
  readonly result: GitResult
}

/** What git may print (128 MiB of names, two bytes a character at worst) and little else. */
const resourceLimits = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }

/**
 * A thread in which git is started, at the first use. To start a program stops the thread that does it until the program is
 * loaded: milliseconds for a process of our size, more on a busy machine, and each turn needs several. Nobody else's events are to
 * wait for that. When it was disposed git is started here again, for what is still at its end.
 */
export function createGitThread(deps: { readonly log: Log }): GitThread & AsyncDisposable {
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
      for (const id of Array.from(waiting.keys())) settle(id, lost)
    })
    return started
  }

  function settle(id: number, result: GitResult): void {
    waiting.get(id)?.(result)
    waiting.delete(id)
  }

  return {
    run(args, options) {
      if (isClosed) return runGit(args, options)
      return new Promise(resolve => {
        const id = (lastId += 1)
        waiting.set(id, resolve)
        try {
          worker ??= start()
          worker.postMessage({ id, args, options } satisfies GitJob)
        } catch (error) {
          // No thread to be had: the next one tries again.
          settle(id, { ...lost, stderr: messageOf(error) })
        }
      })
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
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
