import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError, createFakeClock, Secret } from '#kernel'
import { openLog } from '#ops'

let root = ''
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'tandem-log-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const open = (more: Partial<Parameters<typeof openLog>[0]> = {}) =>
  openLog({ file: join(root, 'daemon.log'), level: 'info', maxBytes: 10_000, clock: createFakeClock(), ...more })

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

describe('openLog', () => {
  it('writes one object a line, at once, from its level on, into a file for us alone', async () => {
    await using log = open()
    log.debug({}, 'not this')
    log.info({ turnMs: 3 }, 'turn finished')
    expect(linesOf(join(root, 'daemon.log'))).toEqual([
      { level: 'info', time: '2023-11-14T22:13:20.000Z', pid: process.pid, turnMs: 3, msg: 'turn finished' },
    ])
    expect(statSync(join(root, 'daemon.log')).mode & 0o777).toBe(0o600)
  })

  it('goes on at the end of an existing file, and takes rights away that it should not give', async () => {
    writeFileSync(join(root, 'daemon.log'), '{"msg":"old"}\n', { mode: 0o644 })
    await using log = open()
    log.info({}, 'new')
    expect(linesOf(join(root, 'daemon.log')).map(line => line['msg'])).toEqual(['old', 'new'])
    expect(statSync(join(root, 'daemon.log')).mode & 0o777).toBe(0o600)
  })

  it('keeps the file and two older ones under the size', async () => {
    await using log = open({ maxBytes: 1000 })
    for (let i = 0; i < 40; i += 1) log.info({ i, filler: 'x'.repeat(100) }, 'line')
    const files = ['daemon.log.2', 'daemon.log.1', 'daemon.log'].map(name => join(root, name))
    for (const file of files) expect(statSync(file).size).toBeLessThanOrEqual(1000)
    expect(existsSync(join(root, 'daemon.log.3'))).toBe(false)
    const numbers = files.flatMap(linesOf).map(line => Number(line['i']))
    expect(numbers).toEqual(Array.from(numbers, (_, index) => 40 - numbers.length + index))
  })

  it('writes a line that is longer than the limit into a file of its own', async () => {
    await using log = open({ maxBytes: 1000 })
    log.info({}, 'short')
    log.info({ long: 'x'.repeat(5000) }, 'long')
    expect(linesOf(join(root, 'daemon.log')).map(line => line['msg'])).toEqual(['long'])
    expect(linesOf(join(root, 'daemon.log.1')).map(line => line['msg'])).toEqual(['short'])
  })

  it('never writes a control character raw, and loses none', async () => {
    await using log = open()
    const hostile = 'a\u001b[2J\u0000\u0007\r\nb\u007f\u009b31m\u2028\u202e\u2066c'
    log.info({ hostile, [hostile]: 1 }, hostile)
    const text = readFileSync(join(root, 'daemon.log'), 'utf8')
    expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/)
    expect(linesOf(join(root, 'daemon.log'))[0]).toMatchObject({ hostile, [hostile]: 1, msg: hostile })
  })

  it('shows no secret, however deep', async () => {
    await using log = open()
    const secret = new Secret('sk-very-secret')
    const error = new AppError('X', 'invalid', 'no', { data: { secret } })
    log.error({ secret, deep: { list: [secret] }, text: String(secret), error, err: error }, 'failed')
    expect(readFileSync(join(root, 'daemon.log'), 'utf8')).not.toContain('very-secret')
    expect(linesOf(join(root, 'daemon.log'))[0]).toMatchObject({ secret: '***', deep: { list: ['***'] }, text: '***' })
  })

  it('shows an error with its code, where it came from and why', async () => {
    await using log = open()
    log.error({ error: new AppError('NO_DISK', 'unavailable', 'no disk', { cause: new Error('why') }) }, 'failed')
    expect(linesOf(join(root, 'daemon.log'))[0]).toMatchObject({
      error: {
        code: 'NO_DISK',
        message: 'no disk',
        stack: expect.stringContaining('open-log.test'),
        cause: { message: 'why' },
      },
    })
  })

  it('falls back when there is no directory or the file is a link', async () => {
    symlinkSync(join(root, 'elsewhere'), join(root, 'link.log'))
    for (const file of [join(root, 'missing/daemon.log'), join(root, 'link.log')]) {
      const said: string[] = []
      await using log = open({ file, fallback: line => said.push(line) })
      log.info({}, 'still said')
      expect(said.map(line => JSON.parse(line).msg)).toEqual(['the log file cannot be opened', 'still said'])
    }
    expect(existsSync(join(root, 'elsewhere'))).toBe(false)
  })

  it('comes back to the file when its directory is there again', async () => {
    const said: string[] = []
    const file = join(root, 'later/daemon.log')
    await using log = open({ file, fallback: line => said.push(line) })
    log.info({}, 'lost')
    mkdirSync(join(root, 'later'))
    log.info({}, 'found')
    expect(linesOf(file).map(line => line['msg'])).toEqual(['found'])
    expect(said.map(line => JSON.parse(line).msg)).toEqual(['the log file cannot be opened', 'lost'])
  })

  it('takes lines after it was closed', async () => {
    const said: string[] = []
    const log = open({ fallback: line => said.push(line) })
    await log[Symbol.asyncDispose]()
    log.info({}, 'late')
    expect(said).toHaveLength(1)
  })

  it('works bundled as one module', async () => {
    const outfile = join(root, 'bundle.mjs')
    await build({
      stdin: {
        contents: `import { openLog } from '#ops'
          const log = openLog({ file: process.argv[2], level: 'info', maxBytes: 1000, clock: { now: () => 0 } })
          log.info({ n: 1 }, 'bundled')`,
        resolveDir: import.meta.dirname,
      },
      banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
      bundle: true,
      platform: 'node',
      format: 'esm',
      outfile,
      logLevel: 'silent',
    })
    execFileSync(process.execPath, [outfile, join(root, 'bundled.log')])
    expect(linesOf(join(root, 'bundled.log'))[0]).toMatchObject({ n: 1, msg: 'bundled' })
  })
})
