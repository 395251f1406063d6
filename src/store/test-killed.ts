import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect } from 'vitest'
import type { Store } from './index.ts'

/* A process that commits and is killed meanwhile. */

/** Five lanes; each commit is a pair of events with one text, and a line is printed when it is acknowledged. */
const committing = `
  const { openStore } = await import(process.env.STORE)
  const { systemClock, silentLog, newAgentId, Secret } = await import(process.env.KERNEL)
  const { FILE: file, URL: url, MARK: mark } = process.env
  const at = url === '' ? { file } : { file, url: new Secret(url) }
  const store = await openStore({ ...at, clock: systemClock, log: silentLog })
  const agentId = newAgentId(1)
  const lane = async lane => {
    for (let n = 0; ; n += 1) {
      const text = mark + lane + ':' + n
      const event = { kind: 'text', data: { item_id: 'item', text }, agentId, turnId: null, threadId: null }
      await store.commit({ events: [event, event] })
      // Waited for: the pipe does not block, and a reader that is slow lets it run full.
      await new Promise(done => process.stdout.write(text + '\\n', done))
    }
  }
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(lane))`

/** What it had acknowledged when it died. */
export async function killCommitting(work: {
  readonly file: string
  /** Of a Postgres; without it the file is the store. */
  readonly url?: string
  /** What its texts begin with, where an earlier one has written, too. */
  readonly mark?: string
  readonly afterAcks: number
}): Promise<readonly string[]> {
  const env = {
    ...process.env,
    FILE: work.file,
    URL: work.url ?? '',
    MARK: work.mark ?? '',
    STORE: new URL('./index.ts', import.meta.url).href,
    KERNEL: new URL('../kernel/index.ts', import.meta.url).href,
  }
  const child = spawn(process.execPath, ['--input-type=module', '-e', committing], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === work.afterAcks) child.kill('SIGKILL')
  }
  await closed
  return acknowledged
}

/** Every acknowledged row is there, and no commit by half. */
export async function expectWhole(store: Store, acknowledged: readonly string[]): Promise<void> {
  const texts = (await store.events.after({ cursor: 0, limit: 100_000 })).map(event => String(event.data['text']))
  const found = new Set(texts)
  expect(acknowledged.filter(text => !found.has(text))).toEqual([])
  expect(texts).toHaveLength(2 * found.size)
}
