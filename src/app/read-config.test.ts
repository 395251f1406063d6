import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '#contracts'
import { readConfig } from './read-config.ts'
import { tempPlaces } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let file = ''
beforeEach(() => {
  temp = tempPlaces()
  file = temp.places.configFile
  mkdirSync(temp.places.configDir, { recursive: true })
})
afterEach(() => temp[Symbol.dispose]())

describe('readConfig', () => {
  it('is all defaults without a file, and with an empty one', async () => {
    const defaults = configSchema.parse({})
    expect(await readConfig(file)).toEqual(defaults)
    writeFileSync(file, '')
    expect(await readConfig(file)).toEqual(defaults)
  })

  it('takes what the file says', async () => {
    writeFileSync(file, '[codex]\npath = "codex-next"\n[turns]\nmax_running = 3\n[log]\nlevel = "debug"\n')
    expect(await readConfig(file)).toMatchObject({
      codex: { path: 'codex-next' },
      turns: { max_running: 3, max_queued: 1000 },
      log: { level: 'debug' },
    })
  })

  it.each([
    [
      'an unknown member',
      '[turns]\nmax_runing = 3\n',
      /turns: unknown member max_runing \(did you mean max_running\?\)$/,
    ],
    ['two of them', '[log]\nlevl = "info"\nfoo = 1\n', /log: unknown members levl, foo \(did you mean level\?\)$/],
    [
      'a member of another table',
      'max_running = 3\n',
      /unknown member max_running \(did you mean max_running under \[turns\]\?\)$/,
    ],
    ['an unknown table', '[turn]\nmax_running = 3\n', /unknown member turn \(did you mean turns\?\)$/],
    ['a member like no other', '[log]\ncolour = 1\n', /log: unknown member colour$/],
    ['a wrong value', '[log]\nlevel = "loud"\n', /log\.level: must be one of debug, info, warn, error$/],
    [
      'a home that only a shell would understand',
      '[codex]\nhome = "~/.codex"\n',
      /codex\.home: must be an absolute path/,
    ],
    [
      'a program that would depend on where we run',
      '[codex]\npath = "bin/codex"\n',
      /codex\.path: must be an absolute/,
    ],
    ['text that is not TOML', 'turns = [\n', /line \d+, column \d+: (?!Invalid TOML)/],
    ['a quote that is not closed', '[codex]\npath = "/bin/codex\nmodel = "x"\n', /: line 2: a quote is not closed$/],
    ['one at the end', "[codex]\npath = '/bin/codex", /: line 2: a quote is not closed$/],
    ['text without quotes', '[log]\nlevel = debug\n', /: line 2, column 9: invalid value \(text stands in quotes\)$/],
  ])('names file and member of %s', async (_, text, problem) => {
    writeFileSync(file, text)
    await expect(readConfig(file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      kind: 'invalid',
      message: expect.stringMatching(problem),
      data: { file },
    })
    await expect(readConfig(file)).rejects.toThrow(file)
  })

  it('does not take a directory for no file', async () => {
    mkdirSync(file)
    await expect(readConfig(file)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/cannot be read \(EISDIR\)/),
    })
  })
})
