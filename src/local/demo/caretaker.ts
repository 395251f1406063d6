import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/**
 * Starts the one that ends what runs in `root` and removes it, should the demo be killed without a chance to do so itself.
 * Disposing sends it away: whoever does that has tidied up, or keeps the directories.
 */
export function startCaretaker(
  root: string,
  options: { readonly isKept: boolean; readonly path: string },
): AsyncDisposable {
  const script = fileURLToPath(new URL('./caretaker.sh', import.meta.url))
  const child = spawn('/bin/sh', [script, root, ...(options.isKept ? ['keep'] : [])], {
    cwd: '/',
    env: { PATH: `${options.path}:/usr/bin:/bin` },
    // Of a group of its own, so that Ctrl-C does not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Without it, or when it was killed, the demo goes on all the same.
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  const gone = once(child, 'close').catch(() => undefined)
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end('done\n')
      await gone
    },
  }
}
