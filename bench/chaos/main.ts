import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { startVitest } from 'vitest/node'
import { readCommandLine } from '../command-line.ts'
import { collectFaults } from './collect-faults.ts'
import { faultTableOf, summaryOf } from './fault-table.ts'
import type { FaultRow } from './fault-table.ts'

/* npm run chaos: every fault at its full count, as a table. */

const values = readCommandLine({
  command: 'npm run chaos --',
  about: 'Breaks Tandem in every way that is tested, at the full count, and prints what was seen as a table.',
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  help: {
    only: "part of a file's name in test/faults; may be repeated",
    quick: 'repeats as seldom as `npm test` does',
    json: 'the table as JSON',
    write: 'puts the table into docs/faults.md',
  },
})

const root = resolve(import.meta.dirname, '../..')
process.exitCode = await main()

async function main(): Promise<number> {
  if (!values.quick) process.env['TANDEM_CHAOS'] = 'full'
  const collector = collectFaults(line => void process.stderr.write(`${line}\n`))
  const files = values.only.length === 0 ? ['test/faults/'] : values.only.map(name => `test/faults/${name}`)
  const vitest = await startVitest('test', files, {
    root,
    project: ['real'],
    watch: false,
    reporters: [collector],
  })
  await vitest.close()
  const { rows, problems } = collector
  print(rows)
  for (const problem of problems) process.stderr.write(`failed beside the faults: ${problem}\n`)
  if (values.write) writePage(rows)
  return problems.length === 0 && rows.length > 0 && rows.every(row => row.verdict !== 'FAILED') ? 0 : 1
}

function print(rows: readonly FaultRow[]): void {
  process.stdout.write(values.json ? `${JSON.stringify(rows)}\n` : `${faultTableOf(rows)}\n\n${summaryOf(rows)}\n`)
}

function writePage(rows: readonly FaultRow[]): void {
  const path = resolve(root, 'docs/faults.md')
  const page = readFileSync(path, 'utf8')
  const before = page.slice(0, page.indexOf(mark) + mark.length)
  writeFileSync(path, `${before}\n\n${faultTableOf(rows)}\n\n${summaryOf(rows)}\n`)
}

const mark = '<!-- the table as last printed -->'
