import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { runDemo } from '../index.ts'
import { endLeftovers } from './leftovers.ts'
import { furnish, makeRoot, removeRoot } from './place.ts'

const beside = resolve(import.meta.dirname, '../../../node_modules/.bin')

/** A package of its own, with a launcher that does what `body` says, and a PATH with the named programs. */
function openPackage(body: string, programs: readonly ('claude' | 'codex' | 'git')[]) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-package-')))
  const path = join(dir, 'path')
  for (const name of ['bin', 'path']) mkdirSync(join(dir, name))
  const script = (place: string, name: string, text: string): void =>
    writeFileSync(join(dir, place, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  script('bin', 'claude-codex', body)
  for (const name of programs) symlinkSync(name === 'git' ? '/usr/bin/git' : join(beside, name), join(path, name))
  const leaving = new AbortController()
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const env = { PATH: path, SECRET: 'do not pass this on' }
  const deps = { version: '0.1.0', env, packageDir: dir, stdout, stderr, signal: leaving.signal }
  return {
    deps,
    leaving,
    stderr,
    program: (name: string, text: string) => script('path', name, text),
    async run(...argv: string[]) {
      const code = await runDemo(argv, deps)
      return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') }
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  }
}

const rootIn = (text: string): string => /Everything is in (\S+);/.exec(text)?.[1] ?? 'no root was named'

describe('the demo', () => {
  test('says how it is used', async () => {
    using pack = openPackage('', [])
    expect(await pack.run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('--keep') })
    expect(await pack.run('--jsn')).toMatchObject({ code: 2, out: expect.stringContaining('DEMO_USAGE_WRONG') })
  })

  test.each(['--help', '--json'])('%s whose reader has left ends as it would have', async option => {
    using pack = openPackage('', [])
    const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })
    const left = new Writable({ write: (_chunk, _encoding, done) => void setImmediate(done, error) })
    const code = await runDemo(['--jsn', option], { ...pack.deps, stdout: left })
    expect([code, left.errored]).toEqual([option === '--help' ? 0 : 2, error])
  })

  test.each([
    ['claude', 'DEMO_CLAUDE_MISSING', ['codex', 'git']],
    ['codex', 'DEMO_CODEX_MISSING', ['claude', 'git']],
    ['git', 'DEMO_PROGRAM_FAILED', ['claude', 'codex']],
  ] as const)('without %s it says what to install, and begins nothing', async (_, code, programs) => {
    using pack = openPackage('echo it must not come to this >&2', programs)
    const { code: exitCode, out, err } = await pack.run('--json')
    expect(exitCode).toBe(1)
    expect(out.split('\n')).toEqual([expect.any(String), ''])
    expect(JSON.parse(out)).toMatchObject({ ok: false, error: { code, hint: expect.stringMatching(/install|works/) } })
    expect(err).not.toContain('it must not come to this')
  })

  test('whose Claude Code cannot start says what it said, and removes everything', async () => {
    using pack = openPackage('echo "home=$HOME secret=$SECRET" >&2; exit 3', ['claude', 'codex', 'git'])
    const { code, out } = await pack.run()
    const root = rootIn(out)
    expect(code).toBe(1)
    expect(out).toContain(
      `DEMO_CLAUDE_FAILED: Claude Code ended with 3 before the story was over: home=${root}/home secret=`,
    )
    expect(out).not.toContain('do not pass this on')
    expect(existsSync(root)).toBe(false)
  })

  test('is not disturbed by what a program leaves in its home when it is asked for its version', async () => {
    using pack = openPackage('echo it came to this >&2; exit 3', ['claude', 'git'])
    // Codex does so, unless its home is under /tmp.
    pack.program('codex', '/bin/mkdir -p "$CODEX_HOME/tmp" "$HOME/config" && echo codex-cli 0.169.0')
    const { out } = await pack.run()
    expect(out).toContain('before the story was over: it came to this')
  })

  test('that finds no room for its files says so', async () => {
    using pack = openPackage('echo it must not come to this', ['claude', 'git'])
    pack.program('codex', '/bin/rm -r "${HOME%/*}" && echo codex-cli 0.169.0')
    const { code, out } = await pack.run()
    expect([code, out]).toEqual([1, expect.stringMatching(/DEMO_PLACE_UNUSABLE: .*ENOENT[^]*TMPDIR/)])
  })

  test('keeps its directories when asked to', async () => {
    using pack = openPackage('exit 3', ['claude', 'codex', 'git'])
    const { out } = await pack.run('--keep')
    const root = rootIn(out)
    expect([existsSync(join(root, 'toolshed', 'src', 'app.js')), out.includes(`Kept: ${root}.`)]).toEqual([true, true])
    rmSync(root, { recursive: true })
  })

  test('that is interrupted ends what it started and removes everything', async () => {
    using pack = openPackage('echo started >&2; sleep 600 & wait', ['claude', 'codex', 'git'])
    let told = ''
    const begun = new Promise<void>(resolve => {
      pack.stderr.on('data', (text: Buffer) => {
        told += String(text)
        if (told.includes('What the person types')) resolve()
      })
    })
    const running = pack.run('--json')
    await begun
    pack.leaving.abort()
    const { code, out } = await running
    expect([code, JSON.parse(out)]).toMatchObject([130, { ok: false, error: { code: 'CANCELLED' } }])
    expect(existsSync(rootIn(told))).toBe(false)
  })
})

describe('the place', () => {
  test('is private, and its environment holds nothing of the person but how to print', async () => {
    const root = await makeRoot()
    const codex = { path: join(beside, 'codex'), executable: join(beside, 'codex'), source: 'path' as const }
    const programs = { claude: join(beside, 'claude'), claudeVersion: '2', codex, codexVersion: '0' }
    const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8', OPENAI_API_KEY: 'k', HTTPS_PROXY: 'p', CLAUDECODE: '1' }
    const place = await furnish(root, { env, programs, modelUrl: 'http://127.0.0.1:9' })
    const outside = Object.entries(place.env).filter(
      ([name, value]) => name !== 'PATH' && value.startsWith('/') && !value.startsWith(root),
    )
    expect(outside).toEqual([])
    expect(
      Object.keys(place.env).filter(name => ['OPENAI_API_KEY', 'HTTPS_PROXY', 'CLAUDECODE'].includes(name)),
    ).toEqual([])
    expect([place.env['LANG'], place.env['ANTHROPIC_BASE_URL']]).toEqual(['C.UTF-8', 'http://127.0.0.1:9'])
    await removeRoot(root)
    expect(existsSync(root)).toBe(false)
  })

  test('is left by every process, also by one that does not want to', async () => {
    const root = await makeRoot()
    const stubborn = spawn('/bin/sh', ['-c', 'trap "" TERM; echo on; sleep 600 & wait; wait'], {
      env: { HOME: `${root}/home` },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(stubborn.stdout, 'data')
    const ended = once(stubborn, 'exit')
    expect(await endLeftovers(root)).toBe(2)
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(await endLeftovers(root)).toBe(0)
    await removeRoot(root)
  })
})
