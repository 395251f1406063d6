import { readdirSync, readFileSync } from 'node:fs'
import { sleep, systemCodeOf } from '#kernel'

/** Ends what still runs with the demo's private directories in its environment, gently first; answers how many would not go by themselves. */
export async function endLeftovers(root: string): Promise<number> {
  for (const until = Date.now() + 3000; Date.now() < until; await sleep(50))
    if (processesIn(root).length === 0) return 0
  const left = processesIn(root)
  left.forEach(pid => signalTo(pid, 'SIGTERM'))
  await sleep(500)
  processesIn(root).forEach(pid => signalTo(pid, 'SIGKILL'))
  return left.length
}

/** Found by their environment (proc_pid_environ(5)); none where there is no /proc. */
function processesIn(root: string): readonly number[] {
  return entriesOf('/proc').flatMap(name => {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) return []
    return environmentOf(pid).includes(`=${root}/`) ? [pid] : []
  })
}

function entriesOf(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    // Not Linux.
    return []
  }
}

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    // Gone, or somebody else's: not ours to end.
    return ''
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It has just ended by itself.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}
