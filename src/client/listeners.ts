import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether only somebody else than this process listens at the path, by the kernel's table of sockets (proc_net(5)). False also where
 * that cannot be told: of two listeners one may have lost its file, or have it in a container where the path is another.
 */
export function isTakenFrom(pid: number, path: string): boolean {
  const own = socketsOf(pid)
  const listeners = listenersAt(pid, path)
  return own !== undefined && listeners.length > 0 && !listeners.some(socket => own.has(socket))
}

/**
 * Whether one of these processes listens at the path, in the network of this one. False also where that cannot be told, and of
 * a listener that no process can be seen to have: as of a container with our network and processes of its own.
 */
export function isListenedAtBy(pids: readonly number[], path: string): boolean {
  const listeners = listenersAt('self', path)
  return listeners.length > 0 && pids.map(socketsOf).some(own => listeners.some(socket => own?.has(socket) === true))
}

/** Whether it has as many files open as it may: then nobody new gets to speak with it. False also where that cannot be told. */
export function isOutOfDescriptors(pid: number): boolean {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1]
    // One more goes to and fro: with it a connection is taken, to be closed at once.
    return limit !== undefined && readdirSync(`/proc/${pid}/fd`).length >= Number(limit) - 1
  } catch {
    // It is gone, or not ours to look at, or this system has no /proc.
    return false
  }
}

/** Listeners by their numbers, in the network of this process. */
function listenersAt(pid: number | 'self', path: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/net/unix`, 'utf8')
      .split('\n')
      .map(line => /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (.*)$/.exec(line))
      .filter(found => found?.[3] === path && (Number.parseInt(found[1] ?? '', 16) & isListening) !== 0)
      .map(found => found?.[2] ?? '')
  } catch {
    return []
  }
}

function socketsOf(pid: number): ReadonlySet<string> | undefined {
  try {
    const folder = `/proc/${pid}/fd`
    const links = readdirSync(folder).map(name => targetOf(join(folder, name)))
    return new Set(links.map(link => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''))
  } catch {
    // It is gone, or not ours to look at, or this system has no /proc.
    return undefined
  }
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    // Closed meanwhile.
    return ''
  }
}

/** __SO_ACCEPTCON of the kernel. */
const isListening = 0x1_00_00
