import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commandEntries } from '#cli'
import { projectRoot } from './support/source.ts'

/* docs/troubleshooting.md is read by people for whom nothing works: what it names has to be there. */

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8')
const page = read('docs/troubleshooting.md')
const entries = commandEntries()

test('every code that it names is one of docs/errors.md', () => {
  const known = new Set([...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code))
  const named = [...page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = '']) => code)
  const variables = ['XDG_STATE_HOME', 'TANDEM_STATE_DIR', 'TANDEM_RUNTIME_DIR', 'TANDEM_CONFIG_DIR', 'CODEX_HOME']
  expect(named.filter(code => !known.has(code) && !variables.includes(code))).toEqual([])
  expect(named.length).toBeGreaterThan(40)
})

test('every command that it names is one, with options that it takes', () => {
  const named = [...page.matchAll(/`tandem ([a-z][^`]*)`/g)].map(([, line = '']) => line.split(' '))
  const wrong = named.filter(words => {
    const entry =
      entries.find(({ name }) => name === words.slice(0, 2).join(' ')) ?? entries.find(({ name }) => name === words[0])
    if (entry === undefined) return true
    const flags = [...(entry.options ?? []).map(option => option.flags), '--json'].join(' ')
    return words.some(word => word.startsWith('-') && !flags.split(/[ ,]+/).includes(word))
  })
  expect(wrong).toEqual([])
  expect(named.length).toBeGreaterThan(20)
})

test('what `check` can find has its cure here, and so has what `claude install` refuses', () => {
  const errors = ['check', 'claude', 'doctor'].map(part => `src/local/${part}/errors.ts`)
  const sources = ['src/contracts/configuration-errors.ts', ...errors].map(read).join('\n')
  const codes = new Set([...sources.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, code = '']) => code))
  const elsewhere =
    /^(?:TANDEM_|PLUGIN_MISSING|HTTP_TOKEN_UNSAFE|CODEX_UNTESTED|CODEX_LOGIN_UNKNOWN|CODEX_SANDBOX_OPEN|CLAUDE_(?:UNTESTED|NOT_RUNNABLE|NOT_LOGGED_IN|FILE_UNWRITABLE|MANIFEST_UNREADABLE)|DOCTOR_PLACE_UNUSABLE)/
  expect([...codes].filter(code => !elsewhere.test(code) && !page.includes(`\`${code}\``))).toEqual([])
})

test('it links only to pages that exist', () => {
  for (const [, link = ''] of page.matchAll(/\]\(([^)]+)\)/g)) expect(() => read(`docs/${link}`)).not.toThrow()
})
