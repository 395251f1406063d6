import { parentPort } from 'node:worker_threads'
import { runGit } from './run-git.ts'
import type { GitJob, GitDone } from './start-git-thread.ts'

/* The thread that starts git. Imports stay light: this is a whole V8 of its own. */

const port = parentPort
if (port === null) throw new Error('git is started by a worker thread')

port.on('message', ({ id, args, options }: GitJob) => {
  void runGit(args, options).then(result => port.postMessage({ id, result } satisfies GitDone))
})
