import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startErrorFileOf } from '#client'
import { applyPatch, newFilePatch, rule, say } from '#scripted-model'
import { openMcpDoor } from './support/doors.ts'
import { commandOf, createTestTandem, finished, processesOf } from './support/tandem.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { TestTandem } from './support/tandem.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const patiently = { timeout: 30_000, interval: 50 }
const echo = rule('echo', {}, [say('you said {{lastText}}')])

/** A Codex that tells its version and then says nothing; or, until it is taken away, not even that. */
function silentCodex(folder: string, { tellsVersion }: { readonly tellsVersion: boolean }): string {
  const path = join(folder, 'silent-codex')
  const version = tellsVersion ? '[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\n' : ''
  writeFileSync(path, `#!/bin/sh\n${version}sleep 600 &\nwait\n`, { mode: 0o755 })
  return path
}

/** A world with a turn that was accepted and not sent, and with a Codex that will not take it. */
async function openWaitingWorld() {
  const world = await openTandemWorld([echo])
  const path = silentCodex(world.folder, { tellsVersion: true })
  writeFileSync(world.places.configFile, `[codex]\npath = ${JSON.stringify(path)}\n[turns]\nstop_grace_ms = 0\n`)
  const client = world.client()
  const { turn_id } = await client.call('ask', { prompt: 'hello', cd: world.project, wait_ms: 0 }, { caller })
  return { world, client, turn_id }
}

const eventsOf = async (world: TandemWorld, turn_id: string) =>
  (await world.client().call('events', { turn_id }, { caller })).events

describe('a turn', () => {
  it('that was accepted outlives a start that fails late', async () => {
    const { world, turn_id } = await openWaitingWorld()
    await using _world = world
    expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
    mkdirSync(world.places.pidFile)
    const failed = await world.tandem(['up'])
    expect(failed.code).not.toBe(0)
    expect(failed.err).toContain('daemon.pid')
    rmdirSync(world.places.pidFile)
    rmSync(world.places.configFile)
    const answer = await world.client().call('wait', { turn_id }, { caller })
    expect(answer).toMatchObject({ success: true, agent_messages: 'you said hello' })
  })

  it('that is cancelled through MCP tells which program asked for it', async () => {
    const { world, turn_id } = await openWaitingWorld()
    await using _world = world
    await using mcp = await openMcpDoor(world)
    expect(await mcp.call('cancel', { turn_id })).toMatchObject({ kind: 'ok', output: { status: 'interrupted' } })
    const cancelling = (await eventsOf(world, turn_id)).find(event => event.kind === 'turn.cancelling')
    expect(cancelling?.data).toMatchObject({ by: 'test/0.0.0' })
  })

  it('makes files with the rights that its user wants, while ours stay private', async () => {
    const patch = applyPatch(newFilePatch('made.txt', ['one']))
    const made = rule('make', { lastText: 'make', sincePrompt: 0 }, [patch])
    // It is inherited by all that the world starts.
    const before = process.umask(0o027)
    try {
      await using world = await openTandemWorld([made, echo])
      const input = { prompt: 'make', cd: world.project, sandbox: 'workspace-write' } as const
      expect(await world.client().call('ask', input, { caller })).toMatchObject({ success: true })
      const modes = [join(world.project, 'made.txt'), world.places.storeFile].map(path => statSync(path).mode & 0o777)
      expect(modes).toEqual([0o640, 0o600])
    } finally {
      process.umask(before)
    }
  })
})

describe('a daemon', () => {
  let tandem: TestTandem
  beforeEach(() => void (tandem = createTestTandem()))
  afterEach(() => tandem[Symbol.asyncDispose]())

  it('goes on when neither its log nor standard error takes a line', async () => {
    const { logFile, stateDir } = tandem.places
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    mkdirSync(logFile)
    const full = openSync('/dev/full', 'w')
    const main = fileURLToPath(new URL('../src/app/main.ts', import.meta.url))
    const daemon = spawn(process.execPath, [main, 'daemon'], { env: tandem.env, stdio: ['ignore', 'ignore', full] })
    const ended = finished(daemon)
    closeSync(full)
    await expect.poll(() => tandem.daemonPid() ?? daemon.exitCode, patiently).toBe(daemon.pid)
    expect(await tandem.run(['status'])).toMatchObject({ code: 0 })
    expect(daemon.exitCode).toBe(null)
    daemon.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  it('that cannot stop in order says that, and not that it could not start', async () => {
    const { logFile, pidFile } = tandem.places
    const daemon = tandem.start(['up', '--foreground'])
    const ended = finished(daemon)
    const logText = (): string => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
    await expect.poll(logText, patiently).toContain('"daemon started"')
    rmSync(pidFile)
    mkdirSync(pidFile)
    daemon.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 71, stderr: expect.stringContaining('"the stop failed"') })
    expect(logText()).toContain('"daemon stopped"')
    expect(logText()).not.toContain('daemon could not start')
    expect(existsSync(startErrorFileOf(tandem.places))).toBe(false)
  })

  it('does not wait for a Codex that does not tell its version, and leaves nothing of it behind', async () => {
    const { configDir, configFile } = tandem.places
    mkdirSync(configDir, { recursive: true })
    const path = silentCodex(tandem.root, { tellsVersion: false })
    writeFileSync(configFile, `[codex]\npath = ${JSON.stringify(path)}\n`)
    await tandem.run(['up'])
    const probes = (): number => processesOf(tandem.root).filter(pid => commandOf(pid).includes(path)).length
    await expect.poll(probes, patiently).toBeGreaterThan(0)
    const began = Date.now()
    expect(await tandem.run(['down'])).toMatchObject({ code: 0 })
    // The question itself is given up after 10 s.
    expect(Date.now() - began).toBeLessThan(8000)
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  })
})
