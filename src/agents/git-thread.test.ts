import { getPriority, tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { silentLog } from '#kernel'
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
    await using thread = createGitThread({ log: silentLog })
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
    await using thread = createGitThread({ log: silentLog })
    const asked = Array.from({ length: 20 }, (_, index) => runGit(...hash(`${index}`)))
    const threaded = Array.from({ length: 20 }, (_, index) => {
      const [args, own] = hash(`${index}`)
      return runGit(args, { ...own, thread })
    })
    expect(await Promise.all(threaded)).toEqual(await Promise.all(asked))
  })

  it('takes only time that nothing else wants, when nobody waits for it', async () => {
    await using thread = createGitThread({ log: silentLog })
    const niceness = ['-c', 'alias.nice=!cut -d " " -f 19 /proc/self/stat', 'nice'] as const
    const own = getPriority()
    expect(await runGit(niceness, { ...options, thread })).toMatchObject({ stdout: `${own}\n` })
    // It is told a moment after it was started: what it starts itself may have been sooner, once.
    const beside = async () => (await runGit(niceness, { ...options, thread, isBeside: true })).stdout
    await expect.poll(beside, { timeout: 10_000 }).toBe('19\n')
  })

  it('is ended when it takes too long, and says so', async () => {
    await using thread = createGitThread({ log: silentLog })
    const slow = { ...options, timeoutMs: 50, thread }
    expect(await runGit(['-c', 'alias.wait=!sleep 60', 'wait'], slow)).toMatchObject({ ok: false, wasCutOff: true })
  })

  it('gives up what a thread that ended had in hand; what comes after is started here', async () => {
    const thread = createGitThread({ log: silentLog })
    const cut = runGit(['-c', 'alias.wait=!sleep 5', 'wait'], { ...options, thread })
    await thread[Symbol.asyncDispose]()
    expect(await cut).toMatchObject({ ok: false, wasCutOff: false, stderr: expect.stringContaining('ended') })
    expect(await runGit(['--version'], { ...options, thread })).toMatchObject({ ok: true })
  })
})
