import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tandem-t-'))
  mkdirSync(join(root, 'bin'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const goOn = `exec '${process.execPath}' -e 'setInterval(() => {}, 1000)'`

function writeProgram(name: string, text: string): string {
  const path = join(root, name)
  writeFileSync(path, `#!/bin/sh\n${text}\n`)
  chmodSync(path, 0o700)
  return path
}

/** Runs it with a daemon of our own to its end; undefined when it goes on. */
async function outcomeOf(daemon: string): Promise<unknown> {
  const supervisor = spawn(fileURLToPath(new URL('./supervisor.sh', import.meta.url)), [root, daemon], {
    env: { PATH: `${root}/bin:${process.env['PATH'] ?? ''}`, HOME: root },
    stdio: 'ignore',
    // A group of its own, so that what goes on can be ended with it.
    detached: true,
  })
  const limit = AbortSignal.timeout(10_000)
  try {
    return await once(supervisor, 'exit', { signal: limit })
  } catch (error) {
    if (!limit.aborted) throw error
    return undefined
  } finally {
    if (supervisor.pid !== undefined && supervisor.exitCode === null) process.kill(-supervisor.pid, 'SIGKILL')
  }
}

// It asks `date` right before it starts the daemon, and again right before it pauses.
describe('a supervisor that is told to stop', () => {
  it('just before a start does not start the daemon', async () => {
    writeProgram('bin/date', 'kill -TERM "$PPID"\necho 1')
    const daemon = writeProgram('daemon', `: > '${root}/started'\n${goOn}`)
    expect(await outcomeOf(daemon)).toEqual([0, null])
    expect(existsSync(join(root, 'started'))).toBe(false)
  })

  it('just before the pause between two starts does not pause', async () => {
    writeProgram('bin/date', `[ -e '${root}/died' ] && kill -TERM "$(cat '${root}/died')"\necho 1`)
    writeProgram('bin/sleep', goOn)
    const daemon = writeProgram('daemon', `echo "$TANDEM_SUPERVISOR_PID" > '${root}/died'\nexit 1`)
    expect(await outcomeOf(daemon)).toEqual([0, null])
  })
})

it('what a daemon says at its death is in the log of the day, also after that was set aside', async () => {
  const daemon = writeProgram(
    'daemon',
    `[ -e '${root}/second' ] && echo 'second words' >&2 && exit 0
: > '${root}/second'
echo 'first words' >&2
mv '${root}/daemon.log' '${root}/daemon.log.2026-11-20.1'
: > '${root}/daemon.log'
exit 1`,
  )
  writeFileSync(join(root, 'daemon.log'), '')
  expect(await outcomeOf(daemon)).toEqual([0, null])
  expect(readFileSync(join(root, 'daemon.log.2026-11-20.1'), 'utf8')).toBe('first words\n')
  expect(readFileSync(join(root, 'daemon.log'), 'utf8')).toBe('second words\n')
})

it('a log that is a link, or no file, is left alone', async () => {
  const daemon = writeProgram('daemon', `echo words >&2; exit 0`)
  symlinkSync(join(root, 'elsewhere'), join(root, 'daemon.log'))
  writeFileSync(join(root, 'elsewhere'), '')
  expect(await outcomeOf(daemon)).toEqual([0, null])
  expect(readFileSync(join(root, 'elsewhere'), 'utf8')).toBe('')
})
