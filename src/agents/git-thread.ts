import { parentPort } from 'node:worker_threads'
import { runGitHere } from './run-git.ts'
import type { GitDone, GitRequest } from './start-git-thread.ts'

/* The thread that starts git. Imports stay light: this is a whole V8 of its own. */

const port = parentPort
if (port === null) throw new Error('git is started by a worker thread')

const closing = new AbortController()

port.on('message', (request: GitRequest) => {
  if (request.kind === 'run') {
    const { id, args, options } = request
    void runGitHere(args, options, closing.signal).then(result => port.postMessage({ id, result } satisfies GitDone))
    return
  }
  // A thread that is ended leaves its programs behind. Without a port it ends by itself, when the last of them has.
  closing.abort()
  port.close()
})
