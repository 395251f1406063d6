import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestTandem, processesOf } from './support/tandem.ts'
import type { FindingsReport } from '#contracts'
import type { TestTandem } from './support/tandem.ts'

let world: TestTandem
let home = ''
beforeEach(() => {
  world = createTestTandem()
  home = join(world.root, 'users-home')
  mkdirSync(join(home, '.claude'), { recursive: true })
  mkdirSync(join(world.root, 'tmp'))
  writeFileSync(join(home, '.claude.json'), '{"primaryApiKey": "sk-very-secret"}')
  writeFileSync(join(world.env['CODEX_HOME'] ?? '', 'auth.json'), '{"OPENAI_API_KEY": "sk-very-secret"}')
})
afterEach(() => world[Symbol.asyncDispose]())

const programs = resolve(import.meta.dirname, '../node_modules/.bin')
const environment = (path = `${programs}:${process.env['PATH'] ?? ''}`) => ({
  HOME: home,
  TMPDIR: join(world.root, 'tmp'),
  PATH: path,
})

/** Every file of the user's, with its time and content. */
const usersFiles = (): readonly string[] =>
  [home, world.env['CODEX_HOME'] ?? ''].flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map(name => {
      const found = statSync(join(folder, name))
      return `${name} ${found.mtimeMs} ${found.isFile() ? readFileSync(join(folder, name), 'utf8') : ''}`
    }),
  )

test('both programs answer, the sandbox holds, nothing of the user’s is touched, nothing stays', async () => {
  const before = usersFiles()
  const { code, stdout, stderr } = await world.run(['doctor', '--json'], environment())
  const { findings } = JSON.parse(stdout) as FindingsReport
  expect(findings.filter(({ state }) => state !== 'ok')).toEqual([])
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'codex',
      'login',
      'claude',
      'claude login',
      'sandbox',
      'codex round trip',
      'claude round trip',
    ]),
  )
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).not.toContain('very-secret')
  expect(usersFiles()).toEqual(before)
  expect(readdirSync(join(world.root, 'tmp'))).toEqual([])
  expect(processesOf(world.root)).toEqual([])
})

test('a claude that cannot run, and a codex that answers nothing, are named; the rest is still looked at', async () => {
  const bin = join(world.root, 'bin')
  mkdirSync(bin)
  for (const [name, version] of [
    ['claude', '2.1.329'],
    ['codex', 'codex-cli 0.169.0'],
  ] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\nif [ "$1" = --version ]; then echo '${version}'; exit 0; fi\nexit 7\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const { code, stdout } = await world.run(['doctor', '--json'], environment(`${bin}:/usr/bin:/bin`))
  const { findings } = JSON.parse(stdout) as FindingsReport
  const wrong = findings.filter(({ state }) => state === 'problem').map(({ name, code: its }) => [name, its])
  expect(wrong).toEqual([
    ['sandbox', 'CODEX_SANDBOX_FAILED'],
    ['codex round trip', 'ROUND_TRIP_FAILED'],
    ['claude round trip', 'ROUND_TRIP_FAILED'],
  ])
  expect(code).toBe(1)
})

test.each(['SIGINT', 'SIGKILL'] as const)('%s in the middle of it leaves nothing behind', async signal => {
  const main = resolve(import.meta.dirname, '../src/app/main.ts')
  const child = spawn(process.execPath, [main, 'doctor'], {
    env: { ...world.env, ...environment() },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const exited = once(child, 'exit')
  for await (const chunk of child.stderr.setEncoding('utf8')) if (String(chunk).includes('asking codex …')) break
  child.kill(signal)
  await exited
  expect(child.exitCode).toBe(signal === 'SIGINT' ? 130 : null)
  await expect
    .poll(() => [readdirSync(join(world.root, 'tmp')), processesOf(world.root)], { timeout: 20_000 })
    .toEqual([[], []])
})
