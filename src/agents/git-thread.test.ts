import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { silentLog, systemClock } from '#kernel'
import { runGit } from './run-git.ts'
import type { GitOptions } from './run-git.ts'
import { createGitThread } from './start-git-thread.ts'

const options: GitOptions = {
  cwd: tmpdir(),
  env: { PATH: process.env['PATH'] ?? '' },
  timeoutMs: 20_000,
}
const hash = (input: string) => [['hash-object', '--stdin'], { ...options, input }] as const

describe('git, started by a thread', () => {
  it('says what it says when it is started here', async () => {
    await using thread = createGitThread({ clock: systemClock, log: silentLog })
    for (const [args, more] of [
      [['--version'], {}],
      [['hash-object', '--stdin'], { input: 'ü\n'.repeat(100_000) }],
      [['no-such-command'], {}],
      [['rev-parse', 'HEAD'], { cwd: '/' }],
      [['--version'], { cwd: '/no/such/directory' }],
      [['help', '--all'], { maxBytes: 10 }],
    ] as const)
      expect(await runGit(args, { ...options, ...more, thread })).toEqual(await runGit(args, { ...options, ...more }))
  })

  it('answers each of many that are asked at once', async () => {
    await using thread = createGitThread({ clock: systemClock, log: silentLog })
    const asked = Array.from({ length: 20 }, (_, index) => runGit(...hash(`${index}`)))
    const threaded = Array.from({ length: 20 }, (_, index) => {
      const [args, own] = hash(`${index}`)
      return runGit(args, { ...own, thread })
    })
    expect(await Promise.all(threaded)).toEqual(await Promise.all(asked))
  })

  it('takes only time that nothing else wants, when nobody waits for it', async () => {
    await using thread = createGitThread({ clock: systemClock, log: silentLog })
    const niceness = ['-c', 'alias.nice=!cut -d " " -f 19 /proc/self/stat', 'nice'] as const
    const own = getPriority()
    expect(await runGit(niceness, { ...options, thread })).toMatchObject({ stdout: `${own}\n` })
    // It is told a moment after it was started: what it starts itself may have been sooner, once.
    const beside = async () => (await runGit(niceness, { ...options, thread, isBeside: true })).stdout
    await expect.poll(beside, { timeout: 10_000 }).toBe('19\n')
  })

  it('is ended when it takes too long, and says so', async () => {
    using git = openEndlessGit()
    await using thread = createGitThread({ clock: systemClock, log: silentLog })
    const slow = { ...options, env: { PATH: git.path }, timeoutMs: 50, thread }
    expect(await runGit(['status'], slow)).toMatchObject({ ok: false, wasCutOff: true })
    expect(git.isAlive()).toBe(false)
  })

  it('gives up what a thread that ended had in hand; what comes after is started here', async () => {
    using git = openEndlessGit()
    const thread = createGitThread({ clock: systemClock, log: silentLog })
    const cut = runGit(['status'], { ...options, env: { PATH: git.path }, thread })
    await thread[Symbol.asyncDispose]()
    expect(await cut).toMatchObject({ ok: false, wasCutOff: false, stderr: expect.stringContaining('ended') })
    expect(await runGit(['--version'], { ...options, thread })).toMatchObject({ ok: true })
  })

  it('leaves nothing behind that it has started', async () => {
    using git = openEndlessGit()
    const thread = createGitThread({ clock: systemClock, log: silentLog })
    const cut = runGit(['status'], { ...options, env: { PATH: git.path }, thread })
    await expect.poll(() => git.pid()).not.toBeNull()
    await thread[Symbol.asyncDispose]()
    expect(git.isAlive()).toBe(false)
    expect(await cut).toMatchObject({ ok: false, stderr: expect.stringContaining('ended') })
  })
})

/** A git that says who it is, and does not end, whoever asks it to. */
function openEndlessGit() {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-git-'))
  const file = join(folder, 'pid')
  writeFileSync(
    join(folder, 'git'),
    `#!/bin/sh\ntrap '' TERM\necho $$ > '${file}.new'; mv '${file}.new' '${file}'\nexec sleep 60\n`,
    {
      mode: 0o755,
    },
  )
  const pid = (): number | null => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : null)
  const isAlive = (): boolean => {
    const id = pid()
    if (id === null) return false
    try {
      return process.kill(id, 0)
    } catch {
      // There is no such process.
      return false
    }
  }
  return {
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    pid,
    isAlive,
    [Symbol.dispose]() {
      const id = pid()
      if (id !== null && isAlive()) process.kill(id, 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
