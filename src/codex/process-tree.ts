import { readdirSync, readFileSync } from 'node:fs'
import { systemCodeOf } from '#kernel'

/** Which process it is, not only which number: pids are reused, the start time since boot is not. */
export interface ProcessIdentity {
  readonly pid: number
  /** null where the system does not tell (no /proc): such a process is never killed by its record. */
  readonly startedAt: string | null
}

/** The identity of a living process, null when there is none (a zombie counts as none). */
export function identityOf(pid: number): ProcessIdentity | null {
  const stat = statOf(pid)
  if (stat !== null) return stat.isZombie ? null : { pid, startedAt: stat.startedAt }
  return process.platform !== 'linux' && isAlive(pid) ? { pid, startedAt: null } : null
}

/** Whether exactly this process still lives. Never true when its start time is unknown. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  return identity.startedAt !== null && identityOf(identity.pid)?.startedAt === identity.startedAt
}

/**
 * SIGKILL to the process, its group and everything below it. Codex runs each command in a session of its own, so the
 * group alone would miss them. /proc is read synchronously: between listing and killing nothing else should happen.
 */
export function killTree(pid: number): void {
  const below = descendantsOf(pid)
  signalGroup(pid, 'SIGKILL')
  for (const child of below) if (isSameProcess(child)) signalOne(child.pid, 'SIGKILL')
}

/** The variable by which everything that a process of ours started is found again, whatever became of its parents. */
export const markName = 'TANDEM_CODEX_PROCESS'

/** SIGKILL to every process that inherited the mark: commands outside of the sandbox outlive a killed app-server. */
export function killMarked(mark: string): void {
  const entry = `\0${markName}=${mark}\0`
  for (const name of listed('/proc')) {
    const pid = Number(name)
    if (!Number.isInteger(pid) || pid === process.pid) continue
    if (`\0${textOf(`/proc/${pid}/environ`) ?? ''}\0`.includes(entry)) signalOne(pid, 'SIGKILL')
  }
}

/** A signal to the process group that `pid` leads, and to `pid` itself. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  signalOne(-pid, signal)
  signalOne(pid, signal)
}

function signalOne(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Gone already is what we want; a process of somebody else was never ours to end.
    if (systemCodeOf(error) !== 'ESRCH' && systemCodeOf(error) !== 'EPERM') throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
}

function descendantsOf(root: number): readonly ProcessIdentity[] {
  const children = new Map<number, ProcessIdentity[]>()
  for (const name of listed('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(pid) : null
    if (stat === null) continue
    const siblings = children.get(stat.parent) ?? []
    siblings.push({ pid, startedAt: stat.startedAt })
    children.set(stat.parent, siblings)
  }
  const found: ProcessIdentity[] = []
  let level = children.get(root) ?? []
  while (level.length > 0) {
    found.push(...level)
    level = level.flatMap(each => children.get(each.pid) ?? [])
  }
  return found
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No /proc on this system: the group is all that can be reached.
    return []
  }
}

interface Stat {
  readonly parent: number
  readonly startedAt: string
  readonly isZombie: boolean
}

/** The command in parentheses may hold spaces and parentheses: the fields are counted after the last one. */
function statOf(pid: number): Stat | null {
  const text = textOf(`/proc/${pid}/stat`)
  if (text === null) return null
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, ticks] = [fields[0], fields[1], fields[19]]
  if (state === undefined || parent === undefined || ticks === undefined) return null
  const boot = textOf('/proc/sys/kernel/random/boot_id') ?? ''
  return { parent: Number(parent), startedAt: `${boot.trim()}:${ticks}`, isZombie: state === 'Z' || state === 'X' }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process has ended, or there is no /proc.
    return null
  }
}
