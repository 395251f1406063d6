import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError, createFakeClock, Secret } from '#kernel'
import { openLog } from '#ops'
import { canMount, mountTmpfs } from '../../test/support/tmpfs.ts'

let root = ''
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'tandem-log-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const open = (more: Partial<Parameters<typeof openLog>[0]> = {}) =>
  openLog({ file: join(root, 'daemon.log'), level: 'info', maxBytes: 10_000, clock: createFakeClock(), ...more })

const linesOf = (file: string): Record<string, unknown>[] => linesOfText(readFileSync(file, 'utf8'))
const linesOfText = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

const namesIn = (): string[] => readdirSync(root).sort()

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

  it('sets files aside under the size, and keeps as many as it may', async () => {
    await using log = open({ maxBytes: 1000, maxFiles: 2 })
    for (let i = 0; i < 40; i += 1) log.info({ i, filler: 'x'.repeat(100) }, 'line')
    expect(namesIn()).toEqual(['daemon.log', 'daemon.log.2023-11-14.6', 'daemon.log.2023-11-14.7'])
    const files = ['daemon.log.2023-11-14.6', 'daemon.log.2023-11-14.7', 'daemon.log'].map(name => join(root, name))
    for (const file of files) expect(statSync(file)).toMatchObject({ size: expect.toSatisfy(size => size <= 1000) })
    for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600)
    const numbers = files.flatMap(linesOf).map(line => Number(line['i']))
    expect(numbers).toEqual(Array.from(numbers, (_, index) => 40 - numbers.length + index))
  })

  it('sets the file of a day aside under its date, at the first line of the next', async () => {
    const clock = createFakeClock(Date.parse('2026-11-20T23:59:59.000Z'))
    await using log = open({ clock })
    log.info({}, 'evening')
    clock.advance(999)
    log.info({}, 'last')
    clock.advance(1)
    log.info({}, 'morning')
    expect(namesIn()).toEqual(['daemon.log', 'daemon.log.2026-11-20.1'])
    expect(linesOf(join(root, 'daemon.log.2026-11-20.1')).map(line => line['msg'])).toEqual(['evening', 'last'])
    expect(linesOf(join(root, 'daemon.log')).map(line => line['msg'])).toEqual(['morning'])
  })

  it('sets the file of an earlier day aside when it is taken up again', async () => {
    const file = join(root, 'daemon.log')
    writeFileSync(file, '{"msg":"old"}\n')
    utimesSync(file, new Date('2026-11-18T10:00:00Z'), new Date('2026-11-18T10:00:00Z'))
    await using log = open({ clock: createFakeClock(Date.parse('2026-11-20T00:00:00Z')) })
    log.info({}, 'new')
    expect(namesIn()).toEqual(['daemon.log', 'daemon.log.2026-11-18.1'])
    expect(linesOf(file).map(line => line['msg'])).toEqual(['new'])
  })

  it('a clock that jumps back and forth by days sets nothing aside twice', async () => {
    let wall = Date.parse('2026-11-20T12:00:00Z')
    const clock = { ...createFakeClock(), now: () => wall }
    await using log = open({ clock })
    for (const day of [20, 19, 21, 20, 19, 21, 20, 22, 21, 22]) {
      wall = Date.parse(`2026-11-${day}T12:00:00Z`)
      log.info({ day }, 'line')
    }
    expect(namesIn()).toEqual(['daemon.log', 'daemon.log.2026-11-20.1', 'daemon.log.2026-11-21.1'])
    const days = [...namesIn().slice(1), 'daemon.log'].flatMap(name =>
      linesOf(join(root, name)).map(line => line['day']),
    )
    expect(days).toEqual([20, 19, 21, 20, 19, 21, 20, 22, 21, 22])
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
      expect(said.map(line => JSON.parse(line).msg)).toEqual(['the log file does not work', 'still said'])
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
    expect(said.map(line => JSON.parse(line).msg)).toEqual(['the log file does not work', 'lost'])
  })

  it('a log that is removed, alone or with its directory, is made anew, and the problem is told meanwhile', async () => {
    const clock = createFakeClock()
    mkdirSync(join(root, 'sub'))
    const file = join(root, 'sub/daemon.log')
    const said: string[] = []
    await using log = open({ file, clock, fallback: line => said.push(line) })
    log.info({}, 'one')
    rmSync(file)
    expect(log.check()).toBe(null)
    log.info({}, 'two')
    expect(linesOf(file).map(line => line['msg'])).toEqual(['two'])
    rmSync(join(root, 'sub'), { recursive: true })
    // A file in its place, so that nobody can make it.
    writeFileSync(join(root, 'sub'), '')
    clock.advance(1000)
    log.info({}, 'three')
    expect(said.map(line => JSON.parse(line).msg)).toEqual(['the log file does not work', 'three'])
    expect(log.check()).toMatch(/cannot be opened: ENOTDIR/)
    rmSync(join(root, 'sub'))
    mkdirSync(join(root, 'sub'))
    expect(log.check()).toBe(null)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('a FIFO in its place does not hold the daemon', async () => {
    execFileSync('mkfifo', [join(root, 'daemon.log')])
    const said: string[] = []
    await using log = open({ fallback: line => said.push(line) })
    log.info({}, 'on')
    expect(said).toHaveLength(2)
    expect(log.check()).toMatch(/cannot be opened/)
  })

  it.runIf(canMount())('a full disk loses no line, tears none, and the file goes on when there is room', async () => {
    const disk = join(root, 'disk')
    {
      using _disk = mountTmpfs(disk, '64k')
      const said: string[] = []
      const file = join(disk, 'daemon.log')
      await using log = open({ file, maxBytes: 1_000_000, fallback: line => said.push(line) })
      for (let i = 0; i < 100; i += 1) log.info({ i, filler: 'x'.repeat(1500) }, 'line')
      expect(log.check()).toMatch(/cannot be written: ENOSPC/)
      writeFileSync(file, '')
      expect(log.check()).toBe(null)
      log.info({ i: 100 }, 'again')
      expect(linesOf(file).map(line => line['i'])).toEqual([100])
      const kept = said.map(line => JSON.parse(line)).filter(({ msg }) => msg === 'line')
      expect(kept.at(-1).i).toBe(99)
      expect(said.filter(line => line.includes('does not work'))).toHaveLength(1)
    }
  })

  it('lines of debug come together, in order, before the next other one and within a tenth of a second', async () => {
    const clock = createFakeClock()
    await using log = open({ clock, level: 'debug', maxBytes: 1_000_000 })
    const said = (): unknown[] => linesOfText(readFileSync(join(root, 'daemon.log'), 'utf8')).map(line => line['msg'])
    log.debug({}, 'a')
    log.debug({}, 'b')
    expect(said()).toEqual([])
    log.error({}, 'c')
    log.debug({}, 'd')
    expect(said()).toEqual(['a', 'b', 'c'])
    clock.advance(100)
    expect(said()).toEqual(['a', 'b', 'c', 'd'])
    for (let i = 0; i < 10; i += 1) log.debug({ filler: 'x'.repeat(10_000) }, 'e')
    expect(said().filter(msg => msg === 'e').length).toBeGreaterThan(5)
    await log[Symbol.asyncDispose]()
    expect(said().filter(msg => msg === 'e').length).toBe(10)
  })

  it('changes its level while it runs', async () => {
    await using log = open()
    log.debug({}, 'no')
    log.setLevel('debug')
    log.debug({}, 'yes')
    log.setLevel('error')
    log.warn({}, 'no')
    expect(log.level()).toBe('error')
    await log[Symbol.asyncDispose]()
    expect(linesOf(join(root, 'daemon.log')).map(line => line['msg'])).toEqual(['yes'])
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
          const log = openLog({ file: process.argv[2], level: 'info', maxBytes: 1000, clock: { now: () => 0, monotonic: () => 0 } })
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
