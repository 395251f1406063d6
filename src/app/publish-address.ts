import { access, rm } from 'node:fs/promises'
import { lockHolder, stateIdentityOf, statusOf } from '#client'
import { writePrivateFile } from './private-files.ts'
import type { Places } from '#contracts'

/** Disposing takes it back. */
export interface PublishedAddress extends AsyncDisposable {
  /** Writes it again when somebody removed it, and the state directory is still ours. */
  restore(): Promise<void>
}

/** Tells other shells where we listen, and people which process we are. The lock must be held. */
export async function publishAddress(
  places: Places,
  facts: { readonly version: string; readonly startedAt: number; readonly supervisorPid: number | undefined },
): Promise<PublishedAddress> {
  const address = {
    socket: places.socketPath,
    pid: process.pid,
    version: facts.version,
    started_at: facts.startedAt,
    state_identity: stateIdentityOf(places),
    // `tandem down` ends a daemon that hangs only when both of these and the lock say that it is the one.
    process_started_at: statusOf(process.pid)?.startedAt ?? null,
    supervisor_pid: facts.supervisorPid ?? null,
  }
  const write = async (): Promise<void> => {
    await writePrivateFile(places.addressFile, `${JSON.stringify(address)}\n`)
    await writePrivateFile(places.pidFile, `${process.pid}\n`)
  }
  await write()
  return {
    async restore() {
      if (await isThere(places.addressFile)) return
      if (lockHolder(places.lockFile) === process.pid) await write()
    },
    async [Symbol.asyncDispose]() {
      await rm(places.addressFile, { force: true })
      await rm(places.pidFile, { force: true })
    },
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    // Removed, or out of reach, which writing will tell.
    return false
  }
}
