import { readFile } from 'node:fs/promises'
import { httpFileSchema } from '#contracts'
import { sleep } from '#kernel'
import type { Places } from '#contracts'

export interface HttpAddress {
  readonly url: string
  readonly token: string
}

/** Where the daemon of these places serves HTTP, and its token; the door opens a moment after the socket. */
export async function httpOf(places: Pick<Places, 'httpFile' | 'httpTokenFile'>): Promise<HttpAddress> {
  const until = performance.now() + 10_000
  for (;;) {
    const url = await urlIn(places.httpFile)
    if (url !== null) return { url, token: (await readFile(places.httpTokenFile, 'utf8')).trim() }
    if (performance.now() > until) throw new Error(`no HTTP door in ${places.httpFile}`)
    await sleep(20)
  }
}

async function urlIn(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text === undefined ? null : httpFileSchema.parse(JSON.parse(text)).url
}
