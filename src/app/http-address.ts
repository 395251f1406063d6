import { readFile, rm } from 'node:fs/promises'
import { httpFileSchema } from '#contracts'
import { writePrivateFile } from './private-files.ts'
import type { HttpFile, Places } from '#contracts'

/** The port that the last HTTP door had; undefined when there was none, or its file cannot be made out. */
export async function lastHttpPort({ httpFile }: Pick<Places, 'httpFile'>): Promise<number | undefined> {
  try {
    return httpFileSchema.parse(JSON.parse(await readFile(httpFile, 'utf8'))).port
  } catch {
    // It only saves people from a new address: any port does.
    return undefined
  }
}

/** Tells other programs where the door is. Disposing takes that back, and leaves the port for the next one. */
export async function publishHttpAddress(
  { httpFile }: Pick<Places, 'httpFile'>,
  { url, port }: { readonly url: string; readonly port: number },
): Promise<AsyncDisposable> {
  const write = (facts: HttpFile): Promise<void> => writePrivateFile(httpFile, `${JSON.stringify(facts)}\n`)
  await write({ url, pid: process.pid, port })
  return {
    async [Symbol.asyncDispose]() {
      try {
        await write({ url: null, pid: null, port })
      } catch {
        // A full disk, or no descriptor left: that it leads nowhere matters more than the port.
        await rm(httpFile, { force: true })
      }
    },
  }
}
