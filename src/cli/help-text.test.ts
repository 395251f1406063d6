import { assert, integer, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { commandEntries } from './commands.ts'
import { exitCodeMeanings, exitCodeOfKind, exitCodes, exitStatusOf } from './exit-codes.ts'
import { pageOfCommand } from './help-page.ts'
import type { HelpPage } from './help-page.ts'
import { writtenPage } from './help-text.ts'
import { createPaint } from './paint.ts'
import { widthOf } from './plain-text.ts'
import { createHarness } from './test-harness.ts'

const entries = commandEntries()
const plain = createPaint(false)
const at = (columns: number) => ({ columns: () => columns, paint: plain })

describe('help of a command', () => {
  test('has the sections of a manual page, in their order', async () => {
    const harness = createHarness()
    await harness.run('help', 'ask')
    expect(harness.stdout().match(/^[A-Z ]+$/gm)).toEqual([
      'NAME',
      'SYNOPSIS',
      'DESCRIPTION',
      'ARGUMENTS',
      'OPTIONS',
      'EXIT STATUS',
      'EXAMPLES',
      'SEE ALSO',
    ])
  })

  test.each([
    ['both', true],
    ['stderr', false],
  ] as const)('has bold headings on a terminal only: %s', async (terminal, isBold) => {
    const harness = createHarness({ terminal })
    await harness.run('turns', '--help')
    expect(harness.stdout().includes('\x1b[1mOPTIONS\x1b[22m')).toBe(isBold)
    expect(harness.stdout().includes('\x1b')).toBe(isBold)
  })

  test.each(entries.map(entry => [entry.name, entry] as const))('of %s fits every width', (_, entry) => {
    const page = pageOfCommand(entry, entries)
    const copied = new Set(page.sections.flatMap(({ blocks }) => blocks.flatMap(linesToCopy)))
    for (const columns of [24, 40, 80, 100, 300]) {
      const tooLong = writtenPage(page, at(columns))
        .split('\n')
        .filter(line => widthOf(line) > Math.min(columns, 100) && line.trim().includes(' ') && !copied.has(line.trim()))
      expect(tooLong).toEqual([])
    }
  })

  test('names nothing that is not there', () => {
    const names = new Set(entries.map(({ name }) => `tandem ${name}`))
    const wrong = entries.flatMap(entry => {
      const page = pageOfCommand(entry, entries)
      const seen = page.sections.find(({ title }) => title === 'SEE ALSO')?.blocks[0]
      return seen?.kind === 'text' ? seen.text.split(', ').filter(name => !names.has(name)) : []
    })
    expect(wrong).toEqual([])
  })

  test('has an example for every command with several options of its own', () => {
    const poor = entries.filter(({ options = [], examples = [] }) => options.length > 1 && examples.length === 0)
    expect(poor.map(({ name }) => name)).toEqual([])
  })

  test('keeps every word, whatever the text and the width', () => {
    assert(
      property(string({ unit: 'grapheme', maxLength: 200 }), integer({ min: 1, max: 200 }), (text, columns) => {
        const page: HelpPage = {
          name: 'x',
          summary: 'y',
          sections: [{ title: 'DESCRIPTION', blocks: [{ kind: 'text', text }] }],
        }
        const written = writtenPage(page, at(columns)).split('DESCRIPTION\n')[1] ?? ''
        expect(written.split(/\s+/).filter(Boolean)).toEqual(text.split(/\s+/).filter(Boolean))
      }),
    )
  })
})

describe('exit codes', () => {
  test('every one has its meaning, and each page names those that its command has', () => {
    const used = [...Object.values(exitCodeOfKind), ...Object.values(exitCodes)]
    expect(exitCodeMeanings.map(([code]) => code)).toEqual([...new Set(used)].sort((a, b) => a - b))
    const known = new Set<number>(used)
    for (const entry of entries)
      expect(exitStatusOf(entry).filter(([code, text]) => !known.has(code) || text === '')).toEqual([])
    const help = writtenPage(pageOfCommand(entries.find(({ name }) => name === 'wait') ?? never(), entries), at(80))
    expect(help).toMatch(/EXIT STATUS\n {4}0 {5}the turn completed\n {4}1 {5}the turn failed/)
    expect(help).toMatch(/\n {4}75 {4}the turn still runs: come back with `tandem wait`; or Tandem is busy\n/)
  })

  const statusOf = (command: string): ReadonlyMap<number, string> =>
    new Map(exitStatusOf(entries.find(({ name }) => name === command) ?? never()))

  test('only commands about a turn speak of one', () => {
    const ofTurns = entries.filter(entry => exitStatusOf(entry).some(([, text]) => text.includes('the turn')))
    expect(ofTurns.map(({ name }) => name)).toEqual(['ask', 'wait', 'result'])
  })

  test.each([
    ['version', [0, 2, 70, 78, 130, 141]],
    ['logs', [0, 2, 66, 69, 70, 78, 130, 141]],
    ['check', [0, 1, 2, 70, 78, 130, 141]],
    ['doctor', [0, 1, 2, 69, 70, 78, 130, 141]],
    ['health', [0, 1, 2, 70, 73, 75, 78, 124, 130, 141]],
    ['up', [0, 2, 66, 69, 70, 71, 73, 75, 77, 78, 124, 130, 141]],
    ['down', [0, 2, 69, 70, 73, 75, 77, 78, 124, 130, 141]],
    ['turns', [0, 2, 66, 69, 70, 73, 75, 77, 78, 124, 130, 141]],
  ])('%s has those that it can end with', (command, codes) => {
    expect([...statusOf(command).keys()]).toEqual(codes)
  })

  test('up ends with 78 for a configuration that is wrong, in the background, too', () => {
    expect(statusOf('up').get(78)).toMatch(/^the configuration .* is wrong.*; with --foreground: it could not start$/)
  })

  test('health says what it means by those that mean something else elsewhere', () => {
    expect(statusOf('health').get(1)).toContain('a part is not as it should be')
    expect(statusOf('health').get(2)).toMatch(/does not run.*wrong arguments/)
  })
})

function linesToCopy(block: HelpPage['sections'][number]['blocks'][number]): readonly string[] {
  if (block.kind === 'lines') return block.lines
  return block.kind === 'terms' ? block.terms.map(({ term }) => term) : []
}

function never(): never {
  throw new Error('it is there')
}
