import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { launchSupervised, up } from '#client'
import type { LifecycleDeps } from '#client'
import { systemClock } from '#kernel'
import { tempPlaces } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let folder = ''
beforeEach(() => {
  temp = tempPlaces()
  folder = mkdtempSync(join(tmpdir(), 'tandem-launch-'))
  mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
})
afterEach(() => {
  temp[Symbol.dispose]()
  rmSync(folder, { recursive: true, force: true })
})

const supervisor = (text: string, name = 'supervisor.sh'): string => {
  const path = join(folder, name)
  writeFileSync(path, `${text}\n`)
  return path
}

const launch = (more: Partial<Parameters<typeof launchSupervised>[0]>) =>
  launchSupervised({
    places: temp.places,
    supervisor: supervisor('exit 0', 'ends-at-once.sh'),
    command: ['/bin/true'],
    env: { ...process.env },
    ...more,
  })

describe('launchSupervised', () => {
  it('runs the script with its error output in the log', async () => {
    await launch({ supervisor: supervisor('echo "for $1: $2" >&2') })
    await expect
      .poll(() => readFileSync(temp.places.logFile, 'utf8'), { timeout: 10_000 })
      .toBe(`for ${temp.places.stateDir}: /bin/true\n`)
  })

  it.each([
    ['there is no shell', { shell: '/nowhere/sh' }, /ENOENT/],
    ['the shell may not be run', { shell: '/etc/passwd' }, /EACCES/],
    ['the script is missing', { supervisor: '/nowhere/supervisor.sh' }, /ENOENT/],
  ] as const)('says that %s, and what to do', async (_, more, reason) => {
    await expect(launch(more)).rejects.toMatchObject({
      code: 'SUPERVISOR_NOT_STARTED',
      message: reason,
      hint: expect.stringContaining('tandem up --foreground'),
    })
  })

  it('needs no log', async () => {
    mkdirSync(temp.places.logFile)
    const seen = join(folder, 'seen')
    await launch({ supervisor: supervisor(`echo nobody reads this >&2; echo yes > '${seen}'`) })
    await expect.poll(() => readIfThere(seen), { timeout: 10_000 }).toBe('yes\n')
  })
})

describe('up where no process can be detached', () => {
  const deps = (): LifecycleDeps & { readonly log: string[] } => {
    const log: string[] = []
    return {
      log,
      places: temp.places,
      clock: systemClock,
      identity: { name: 'test', version: '1.0.0' },
      launch: () => launch({ shell: '/nowhere/sh' }),
      runDaemon: async () => log.push('ran here') + 6,
    }
  }

  it('says why, then runs the daemon itself, and ends as it does', async () => {
    const own = deps()
    const told = up(own, { onForeground: reason => void own.log.push(`${reason.code} ${reason.message}`) })
    expect(await told).toEqual({ kind: 'ended', exitCode: 8 })
    expect(own.log).toEqual([expect.stringMatching(/^SUPERVISOR_NOT_STARTED .*ENOENT/), 'ran here'])
  })

  it('a start that fails for another reason is not tried here', async () => {
    const own = { ...deps(), launch: () => Promise.reject(new Error('no')) }
    await expect(up(own)).rejects.toThrow('no')
    expect(own.log).toEqual([])
  })
})

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
