import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { sleep, systemCodeOf } from '#kernel'
import type { Clock } from '#kernel'

/** False for a process that is gone, and for one that has ended and only was not collected yet. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return systemCodeOf(error) === 'EPERM'
  }
  return statusOf(pid)?.state !== 'Z'
}

/** Waits for the end of a process. Its lock goes with it; another that has the lock by then, or its number, is not waited for. */
export async function isGoneWithin(clock: Clock, pid: number, limitMs: number, signal?: AbortSignal): Promise<boolean> {
  const until = clock.monotonic() + limitMs
  const startedAt = statusOf(pid)?.startedAt
  while (isAlive(pid) && statusOf(pid)?.startedAt === startedAt) {
    if (clock.monotonic() > until) return false
    await sleep(20, signal)
  }
  return true
}

export interface ProcessStatus {
  readonly state: string
  readonly parent: number
  /** Clock ticks since boot: with the pid it names a process for good. */
  readonly startedAt: string
}

/** From /proc (proc_pid_stat(5)); undefined where there is none. */
export function statusOf(pid: number): ProcessStatus | undefined {
  const text = readText(`/proc/${pid}/stat`)
  // The name in parentheses may hold anything, parentheses too.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ')
  const [state, parent, startedAt] = [fields?.[0], fields?.[1], fields?.[19]]
  if (state === undefined || parent === undefined || startedAt === undefined) return undefined
  return { state, parent: Number(parent), startedAt }
}

/** Stopped by a signal, until SIGCONT (proc_pid_stat(5): T); not by a debugger (t). */
export function isSuspended(pid: number): boolean {
  return statusOf(pid)?.state === 'T'
}

/** The processes of this user, by /proc; none where there is no /proc. Others' may say of themselves what they like. */
export function ownProcesses(): readonly number[] {
  const uid = process.getuid?.()
  return processes().filter(pid => ownerOf(pid) === uid)
}

function processes(): readonly number[] {
  if (!isProcOurs()) return []
  try {
    return readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
  } catch {
    // No /proc on this system.
    return []
  }
}

function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}`).uid
  } catch {
    // It has ended meanwhile.
    return null
  }
}

/** Program and arguments; empty where there is no /proc. */
export function commandOf(pid: number): readonly string[] {
  return readText(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1) ?? []
}

/**
 * Whether it was started as a daemon is: `tandem daemon` by a supervisor, or `tandem up`. True also where that cannot be told, as
 * of a process of somebody else's.
 */
export function isDaemon(pid: number): boolean {
  const words = commandOf(pid)
  return pid === process.pid || words.length === 0 || words.includes('daemon') || words.includes('up')
}

/** Of `tandem store copy`, which holds the daemon's lock while it works. */
export function isStoreCopy(pid: number): boolean {
  const words = commandOf(pid)
  return words.some((word, at) => word === 'store' && words[at + 1] === 'copy')
}

/** Who keeps every daemon from the lock and is none; undefined for nobody, and where it cannot be told. */
export function strangerAtLock(lockFile: string): number | undefined {
  // A reader keeps every daemon out, too; and a daemon is one for the moment in which it takes the lock.
  const found = lockHolder(lockFile) ?? holderOf(lockFile, 'READ') ?? undefined
  return found === undefined || isDaemon(found) ? undefined : found
}

/**
 * Who holds the daemon's lock, as the kernel says (proc_locks(5)): null for nobody that is visible here (it hides the locks of
 * other PID namespaces, so of containers), undefined where it cannot be told.
 */
export function lockHolder(lockFile: string): number | null | undefined {
  return holderOf(lockFile, 'WRITE')
}

/** The number that a process has for itself, in its innermost PID namespace: in a container another one than here. */
export function ownNumberOf(pid: number): number {
  return Number(/^NSpid:.*\s(\d+)$/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? pid)
}

function holderOf(lockFile: string, wanted: FileLock['mode']): number | null | undefined {
  const locks = readFileLocks(lockFile)
  if (locks === undefined) return undefined
  const held = locks.find(
    ({ mode, first, last }) => mode === wanted && first <= lockBytes.last && last >= lockBytes.first,
  )
  return held?.pid ?? null
}

/** Those that SQLite locks (sqlite.org/lockingv3, 6.0): whoever has one of them, or a whole file, keeps a daemon out. */
const lockBytes = { first: 0x4000_0000, last: 0x4000_0000 + 511 }

export interface FileLock {
  readonly pid: number
  readonly mode: 'READ' | 'WRITE'
  /** Bytes of the file. */
  readonly first: number
  readonly last: number
}

/** The POSIX locks on a file, as the kernel has them (proc_locks(5)); undefined where that cannot be told. */
export function readFileLocks(path: string): readonly FileLock[] | undefined {
  const locks = readText('/proc/locks')
  if (locks === undefined) return undefined
  const file = fileOf(path)
  if (file === undefined || !isProcOurs()) return []
  return locks.split('\n').flatMap(line => {
    const [, kind, , mode, pid, place, first, last] = line.trim().split(/\s+/)
    if (kind !== 'POSIX' || (mode !== 'READ' && mode !== 'WRITE')) return []
    if (place?.endsWith(`:${file.ino}`) !== true || !mayHaveOpen(Number(pid), file, place)) return []
    return [{ pid: Number(pid), mode, first: Number(first), last: last === 'EOF' ? Infinity : Number(last) }]
  })
}

/**
 * A file on another disk can have the same number. The device in `place`, a place of the lock table, proves only that it is
 * the same: on btrfs and overlayfs stat may name another one.
 */
function mayHaveOpen(pid: number, { dev, ino }: FileNumbers, place: string): boolean {
  const folder = `/proc/${pid}/fd`
  try {
    return readdirSync(folder).some(name => {
      const open = fileOf(`${folder}/${name}`)
      return open?.ino === ino && open.dev === dev
    })
  } catch {
    // Not ours to look at: somebody else's, or one of ours that has guarded itself.
    return place === `${hexOf(majorOf(dev))}:${hexOf(minorOf(dev))}:${ino}` || ownerOf(pid) === process.getuid?.()
  }
}

/** As the lock table writes it. */
const hexOf = (number: bigint): string => number.toString(16).padStart(2, '0')
/** Both as in makedev(3). */
const majorOf = (dev: bigint): bigint => ((dev >> 32n) & 0xff_ff_f0_00n) | ((dev >> 8n) & 0xf_ffn)
const minorOf = (dev: bigint): bigint => ((dev >> 12n) & 0xff_ff_ff_00n) | (dev & 0xffn)

/** A /proc of another PID namespace than ours has other numbers than those that we could send signals to. */
function isProcOurs(): boolean {
  try {
    return readlinkSync('/proc/self') === String(process.pid)
  } catch {
    // No /proc, or none with us in it.
    return false
  }
}

interface FileNumbers {
  readonly dev: bigint
  readonly ino: bigint
}

/** Undefined: no file, no lock. */
function fileOf(path: string): FileNumbers | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch {
    // Not there, or closed meanwhile.
    return undefined
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The process is gone, or this system has no /proc.
    return undefined
  }
}
