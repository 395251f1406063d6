import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { sleep } from '#kernel'
import { identityOf, isSameProcess, killMarked, killTree } from './process-tree.ts'
import type { Clock } from '#kernel'
import type { ProcessIdentity } from './process-tree.ts'

/** Remembers on disk which child is ours, for the case in which it, or a command of it, outlives us. */
export interface ChildRecord {
  write(pid: number, mark: string): Promise<void>
  erase(): Promise<void>
  /**
   * Kills the recorded process if exactly that one still lives, waits for its end (2 s), kills what it started, and
   * forgets it. Answers its pid if it lived.
   */
  reap(clock: Clock): Promise<number | null>
}

export function createChildRecord(stateDir: string): ChildRecord {
  const path = join(stateDir, 'codex-child.json')
  const erase = (): Promise<void> => rm(path, { force: true })
  return {
    erase,
    async write(pid, mark) {
      const identity = identityOf(pid)
      if (identity === null) return
      await mkdir(stateDir, { recursive: true, mode: 0o700 })
      await writeFile(`${path}.new`, JSON.stringify({ ...identity, mark }), { mode: 0o600 })
      await rename(`${path}.new`, path)
    },
    async reap(clock) {
      const left = await readRecord(path)
      if (left === null) return erase().then(() => null)
      const lived = isSameProcess(left)
      if (lived) killTree(left.pid)
      const deadline = clock.monotonic() + 2000
      while (isSameProcess(left) && clock.monotonic() < deadline) await sleep(20)
      killMarked(left.mark)
      await erase()
      return lived ? left.pid : null
    },
  }
}

async function readRecord(path: string): Promise<(ProcessIdentity & { readonly mark: string }) | null> {
  try {
    const parsed = recordSchema.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return parsed.success ? parsed.data : null
  } catch {
    // None, or cut in the middle of a write: nothing that could be killed safely.
    return null
  }
}

const recordSchema = z.object({ pid: z.int().min(2), startedAt: z.string().min(1), mark: z.uuid() })
