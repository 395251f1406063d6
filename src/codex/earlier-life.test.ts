import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { eventually, hostIn, isAlive, openPlace, realCodex } from './harness.ts'
import { identityOf, isSameProcess } from './process-tree.ts'
import type { Place } from './harness.ts'

describe('what an earlier life left behind', () => {
  const owner = (place: Place, binary: string): string => `
import { startCodexHost } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}
import { silentLog, systemClock } from ${JSON.stringify(join(import.meta.dirname, '../kernel/index.ts'))}
const host = await startCodexHost({ binary: { path: 'x', executable: ${JSON.stringify(binary)}, source: 'path' }, clock: systemClock, log: silentLog,
  env: { PATH: '/usr/bin:/bin', HOME: ${JSON.stringify(place.codexHome)} }, stateDir: ${JSON.stringify(place.stateDir)} })
console.log((await host.connection({ timeoutMs: 15000 })).pid)
setInterval(() => undefined, 1000)
`

  /** A daemon of its own that holds a process; returns both pids. */
  async function startOwner(place: Place) {
    const script = join(place.home, 'owner.ts')
    await writeFile(script, owner(place, (await realCodex()).executable))
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return { child, codexPid: Number(line.toString()) }
  }

  test('ends by itself when its owner is killed', async () => {
    await using place = await openPlace()
    const { child, codexPid } = await startOwner(place)
    expect(isAlive(codexPid)).toBe(true)
    child.kill('SIGKILL')
    await eventually('the app-server is gone', () => !isAlive(codexPid))
  })

  test('is ended by the next life when it was stopped and could not', async () => {
    await using place = await openPlace()
    const { child, codexPid } = await startOwner(place)
    process.kill(codexPid, 'SIGSTOP')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(codexPid)).toBe(true)
    await using _next = await hostIn(place, await realCodex())
    expect(isAlive(codexPid)).toBe(false)
  })

  test('is left alone when only its number is the same, or the record is damaged', async () => {
    await using place = await openPlace()
    const bystander = spawn('sleep', ['600'])
    try {
      const pid = bystander.pid ?? 0
      const record = join(place.stateDir, 'codex-child.json')
      for (const text of [
        JSON.stringify({ pid, startedAt: 'another-boot:1', mark: randomUUID() }),
        `{"pid":${pid},`,
        '[]',
        '{"pid":-1,"startedAt":"x"}',
      ]) {
        await writeFile(record, text)
        await using _host = await hostIn(place, await realCodex())
        expect(isAlive(pid)).toBe(true)
      }
      const identity = identityOf(pid)
      expect(identity !== null && isSameProcess(identity)).toBe(true)
    } finally {
      bystander.kill('SIGKILL')
    }
  })
})
