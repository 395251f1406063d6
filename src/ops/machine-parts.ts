import { readFile, statfs } from 'node:fs/promises'
import { shellQuote } from '#kernel'
import type { Probe } from './health-part.ts'

/**
 * Room on the disk of a directory. A disk that hangs shows as one that does not answer. Full is down: small writes still fit
 * into what the store has already, while the next turn does not.
 */
export function diskPart(
  directory: string,
  { minFreeBytes, isVital }: { readonly minFreeBytes: number; readonly isVital: boolean },
): Probe {
  return {
    name: 'disk',
    isVital,
    everyMs: 10_000,
    maxAgeMs: 1000,
    lateMs: 1000,
    async look() {
      const { bavail, bsize, blocks } = await statfs(directory)
      const free = bavail * bsize
      const details = { free_bytes: free, total_bytes: blocks * bsize, min_free_bytes: minFreeBytes }
      if (free >= minFreeBytes) return { state: 'healthy', details }
      return {
        state: free < fullBytes ? 'down' : 'degraded',
        why: `${megabytes(free)} are free for ${directory}; fewer than ${megabytes(minFreeBytes)} are too few`,
        cure: `free space on that disk; what takes it here: du -xh ${shellQuote(directory)} | sort -h | tail`,
        details,
      }
    },
  }
}

/** Less than the store grows by at once. */
const fullBytes = 256 * 1024

/** The memory of this process, Codex not in it. */
export function memoryPart(maxBytes: number): Probe {
  return {
    name: 'memory',
    isVital: false,
    everyMs: 30_000,
    maxAgeMs: 1000,
    lateMs: 1000,
    async look() {
      const { rss, heapUsed, external } = process.memoryUsage()
      const pss = await ownShare()
      const details = {
        rss_bytes: rss,
        pss_bytes: pss,
        heap_bytes: heapUsed,
        external_bytes: external,
        max_bytes: maxBytes,
      }
      if ((pss ?? rss) <= maxBytes) return { state: 'healthy', details }
      return {
        state: 'degraded',
        why: `it takes ${megabytes(pss ?? rss)} of memory; more than ${megabytes(maxBytes)} are too many`,
        cure: 'when no turn runs, start it anew: tandem restart',
        details,
      }
    },
  }
}

/** What of our memory is ours alone or our share of it (proc_pid_smaps(5)); null where there is no /proc. */
async function ownShare(): Promise<number | null> {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(await readFile('/proc/self/smaps_rollup', 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    // Another system, or one that hides it.
    return null
  }
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1_000_000)} MB`
