import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectRaw } from './support/raw-client.ts'
import { finished, processesOf } from './support/tandem.ts'
import { patiently, tandemForEach } from './support/tandem-for-each.ts'

const on = tandemForEach()

describe('what is in the way of a start', () => {
  it('a program that listens there and says nothing is told from a daemon', async () => {
    mkdirSync(on.tandem.places.runtimeDir, { recursive: true, mode: 0o700 })
    const silent = createServer(socket => void socket.on('error', () => undefined).resume())
    silent.listen(on.tandem.places.socketPath)
    await once(silent, 'listening')
    chmodSync(on.tandem.places.socketPath, 0o600)
    const [up, status] = await Promise.all([on.tandem.run(['up']), on.tandem.run(['status'])])
    for (const { code, stderr } of [up, status]) {
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/something that is not the daemon listens at .*daemon.sock\n.*fuser .*\n.*SOCKET_FOREIGN/)
    }
    await new Promise<void>(resolve => void silent.close(() => resolve()))
  })

  it("another program's socket is left alone by the daemon itself", async () => {
    mkdirSync(on.tandem.places.runtimeDir, { recursive: true, mode: 0o700 })
    const silent = createServer(socket => socket.on('error', () => undefined).destroy())
    silent.listen(on.tandem.places.socketPath)
    await once(silent, 'listening')
    const { code, stderr } = await finished(on.tandem.start(['daemon']))
    expect([code, stderr]).toEqual([78, expect.stringContaining('SOCKET_OCCUPIED')])
    expect(existsSync(on.tandem.places.socketPath)).toBe(true)
    await new Promise<void>(resolve => void silent.close(() => resolve()))
  })

  it('a configuration that is wrong is named by up, with file and member', async () => {
    mkdirSync(on.tandem.places.configDir, { recursive: true })
    writeFileSync(on.tandem.places.configFile, '[turns]\nmax_runing = 3\n')
    const up = await on.tandem.run(['up'])
    expect(up.code).not.toBe(0)
    expect(up.stderr).toMatch(/config\.toml: turns: .*max_runing/)
    expect(up.stderr).toContain('CONFIG_INVALID')
    await expect.poll(() => processesOf(on.tandem.root), patiently).toEqual([])
    expect(readFileSync(on.tandem.places.logFile, 'utf8')).toContain('daemon could not start')
    writeFileSync(on.tandem.places.configFile, '[turns]\nmax_running = 3\n')
    expect(await on.tandem.run(['up'])).toMatchObject({ code: 0 })
    expect(existsSync(`${on.tandem.places.stateDir}/start-error.json`)).toBe(false)
  })

  it('a socket path that is too long is refused with the cure', async () => {
    const up = await on.tandem.run(['up'], { TANDEM_RUNTIME_DIR: `${on.tandem.root}/${'x'.repeat(100)}` })
    expect(up.code).not.toBe(0)
    expect(up.stderr).toMatch(/has \d+ bytes; a socket may have 107/)
    expect(up.stderr).toContain('set TANDEM_RUNTIME_DIR')
    await expect.poll(() => processesOf(on.tandem.root), patiently).toEqual([])
  })

  // What `up` and the next command say of it is among the faults.
  it.each([
    ['the state directory', () => on.tandem.places.stateDir],
    ['the runtime directory', () => on.tandem.places.runtimeDir],
  ])('%s that others may enter, or that is a link, is refused by the daemon itself', async (_, which) => {
    const path = which()
    mkdirSync(path, { recursive: true })
    chmodSync(path, 0o755)
    const open = await on.tandem.run(['daemon'])
    expect(open).toMatchObject({ code: 78, stderr: expect.stringContaining('DIRECTORY_UNSAFE') })
    expect(open.stderr).toContain(`chmod 700 `)
    chmodSync(path, 0o700)
    renameSync(path, `${path}.real`)
    symlinkSync(`${path}.real`, path)
    const linked = await on.tandem.run(['daemon'])
    expect(linked).toMatchObject({ code: 78, stderr: expect.stringContaining('is a link') })
    expect(processesOf(on.tandem.root)).toEqual([])
  })
})

describe('a daemon without Codex', () => {
  it('serves all the same and says what is missing', async () => {
    mkdirSync(on.tandem.places.configDir, { recursive: true })
    writeFileSync(on.tandem.places.configFile, `[codex]\npath = "${on.tandem.root}/no/codex"\n`)
    expect(await on.tandem.run(['up'])).toMatchObject({ code: 0 })
    const status: unknown = JSON.parse((await on.tandem.run(['status', '--json'])).stdout)
    expect(status).toMatchObject({ codex: { kind: 'missing', detail: expect.stringContaining('no/codex') } })
    const raw = await connectRaw(on.tandem.places.socketPath)
    raw.send({ command: '/codex-status' })
    expect(await raw.next()).toMatchObject({ success: true, response: expect.stringContaining('codex: missing') })
    raw[Symbol.dispose]()
  })
})
