import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseScenario } from '#scripted-model'
import { applyEdits } from './edits.ts'
import { codexStages, demoScenario, expectedFiles, promptOf, stageNames, stageOfToolCall } from './scenario.ts'
import { adjustmentEdits, implementationEdits, newFiles } from './service-after.ts'
import { serviceBefore } from './service-before.ts'
import * as words from './words.ts'
import type { TextFiles } from './edits.ts'

/** The files in a directory of their own. */
function place(files: TextFiles): Disposable & { run(command: string, args: string[], input?: string): Outcome } {
  const dir = mkdtempSync(join(tmpdir(), 'tandem-story-'))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), text)
  }
  return {
    run(command, args, input) {
      // Node's test runner behaves otherwise when it is started by another one.
      const { NODE_TEST_CONTEXT: _, ...env } = process.env
      const { status, stdout, stderr } = spawnSync(command, args, {
        cwd: dir,
        env,
        encoding: 'utf8',
        input,
        timeout: 15_000,
      })
      return { status, said: `${stdout}${stderr}` }
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true }),
  }
}

interface Outcome {
  readonly status: number | null
  readonly said: string
}

const implemented = applyEdits({ ...serviceBefore, ...newFiles }, implementationEdits)
const passed = (outcome: Outcome): string =>
  `${outcome.status}: ${/pass (\d+)/.exec(outcome.said)?.[1] ?? outcome.said}`

describe('the service of the story', () => {
  test('passes its tests at the start, after the implementation and at the end', () => {
    const states = [serviceBefore, implemented, expectedFiles()]
    const outcomes = states.map(files => {
      using here = place(files)
      return passed(here.run(process.execPath, ['--test']))
    })
    expect(outcomes).toEqual(['0: 1', '0: 4', '0: 7'])
  })

  test('has the faults that the review names: the tests of the adjustment fail without its fixes', () => {
    const onlyTests = adjustmentEdits.filter(edit => edit.path.startsWith('test/'))
    using here = place(applyEdits(implemented, onlyTests))
    const failed = ['weak', 'secret'].map(name => {
      const { status, said } = here.run(process.execPath, ['--test', `--test-name-pattern=${name}`])
      return `${status}: ${/fail (\d+)/.exec(said)?.[1] ?? said}`
    })
    expect(failed).toEqual(['1: 1', '1: 1'])
    // Not by its test: the service hangs on it, as the review says.
    const read = here.run(process.execPath, ['-e', `import('./src/tokens.js').then(tokens => tokens.readToken('x'))`])
    expect([read.status, /TypeError/.test(read.said)]).toEqual([1, true])
  })

  test('takes the prototype as a patch', () => {
    using here = place(serviceBefore)
    const patch = words.prototype.answer.replaceAll(/^```.*\n/gm, '')
    expect(here.run('git', ['apply', '--check', '-'], patch)).toEqual({ status: 0, said: '' })
  })

  test('is reviewed with an answer of the asked form, about files that exist', () => {
    const named = words.review.answer.findings.map(finding => finding.file)
    expect(named.filter(path => !(path in implemented))).toEqual([])
    expect(Object.keys(words.review.answer)).toEqual(words.reviewSchema.required)
  })
})

describe('edits', () => {
  test('that do not fit exactly once are refused', () => {
    const edit = { path: 'a', before: 'x', after: 'y' }
    expect(applyEdits({ a: 'one x' }, [edit])).toEqual({ a: 'one y' })
    expect(() => applyEdits({ a: 'x x' }, [edit])).toThrow('a has the place of an edit 2 times')
    expect(() => applyEdits({}, [edit])).toThrow('a has the place of an edit 0 times')
  })

  test('do not take replacement patterns for such', () => {
    expect(applyEdits({ a: 'x' }, [{ path: 'a', before: 'x', after: '$&$1' }])).toEqual({ a: '$&$1' })
  })
})

describe('the scenario', () => {
  const scenario = demoScenario('/somewhere/toolshed')
  const text = JSON.stringify(scenario)

  test('is one that the scripted model takes', () => {
    expect(parseScenario(JSON.parse(text))).toEqual(scenario)
  })

  test('has every tool call of Claude say its stage, in the order of the stages', () => {
    const ids = [...text.matchAll(/"id":"(toolu_[^"]+)"/g)].map(match => match[1] ?? '')
    const stages = ids.map(stageOfToolCall)
    expect(new Set(ids).size).toBe(ids.length)
    expect([...new Set(stages)]).toEqual(stageNames)
    expect(stageOfToolCall('toolu_01ABC')).toBeUndefined()
  })

  test('asks Codex in six stages, each but the first in the session of the one before', () => {
    const calls = [...text.matchAll(/"name":"mcp__tandem__codex","arguments":(\{.*?\}),"id"/g)]
    expect(calls.length).toBe(codexStages.length)
    expect(calls.map(([call]) => call.includes('"SESSION_ID":"{{toolResult.SESSION_ID}}"'))).toEqual([
      false,
      ...Array.from({ length: 5 }, () => true),
    ])
  })

  test('knows the prompts of Codex apart', () => {
    const prompts = Object.values(promptOf)
    expect(prompts.filter(one => prompts.some(other => other !== one && other.includes(one)))).toEqual([])
  })

  test('leaves nothing in the files for the model to fill in, except the page that Codex writes', () => {
    const files = { ...newFiles, ...Object.fromEntries(adjustmentEdits.map(edit => [edit.before, edit.after])) }
    expect(Object.values(files).filter(file => file.includes('{{'))).toEqual([])
    expect(words.documentation.answer.startsWith(words.documentation.halfAnswer)).toBe(true)
  })
})
