import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { ChildProcess } from 'node:child_process'
import { finished } from './support/tandem.ts'
import { canMount } from './support/tmpfs.ts'
import { configure, healthOf, partOf, stateOf } from './support/health-of.ts'
import { tandemForEach } from './support/tandem-for-each.ts'

const patiently = { timeout: 30_000, interval: 100 }

const on = tandemForEach()

describe('where no process can be detached', () => {
  /** A command where `/bin/sh` is there and cannot be run, for this command alone. */
  function startWithoutShell(...argv: readonly string[]): ChildProcess {
    return startProgram('main.ts', argv)
  }

  function startProgram(name: string, argv: readonly string[]): ChildProcess {
    const program = fileURLToPath(new URL(`../src/app/${name}`, import.meta.url))
    const script = 'mount --bind /etc/hostname "$(readlink -f /bin/sh)" && exec "$0" "$@"'
    const args = ['-m', '/bin/sh', '-c', script, process.execPath, program, ...argv]
    return spawn('unshare', args, { env: on.tandem.env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  it.runIf(canMount())('up says why and runs the daemon itself, in order until it is told to end', async () => {
    configure(on.tandem, '[codex]\npath = "/nowhere/codex"\n')
    const up = startWithoutShell('up')
    const ended = finished(up)
    await expect.poll(() => stateOf(on.tandem, 'socket'), patiently).toBe('healthy')
    const { health } = await healthOf(on.tandem)
    expect(health.pid).toBe(up.pid)
    expect(partOf(health, 'supervisor')).toMatchObject({ state: 'healthy', details: { is_supervised: false } })
    up.kill('SIGTERM')
    const { code, stderr } = await ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/the supervisor could not be started: spawn/)
    expect(stderr).toContain('the daemon runs in this terminal, without a supervisor')
    expect(stderr).toContain(`the daemon is up: pid ${up.pid}`)
  })

  it.runIf(canMount())('a command that would start the daemon says what to do', async () => {
    const { code, stderr } = await finished(startWithoutShell('threads'))
    expect(code).toBe(69)
    expect(stderr).toMatch(
      /cure: leave the daemon running in a terminal of its own: tandem up --foreground\n.*SUPERVISOR_NOT_STARTED/,
    )
  })

  it.runIf(canMount())('claude-codex says what to do, and does not become the daemon', async () => {
    const { code, stdout, stderr } = await finished(startProgram('launcher-main.ts', ['-p', 'hello']))
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(
      /^claude-codex: the supervisor could not be started: .*\n {2}cure: .*tandem up --foreground\n {2}code: SUPERVISOR_NOT_STARTED\n$/,
    )
    expect(await on.leftOver()).toEqual([])
  })
})
