import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { buildDist } from '../scripts/build.ts'
import { readCommandLine } from './command-line.ts'
import { judge } from './figure.ts'
import { figures } from './figures/index.ts'
import { measure, missingFor } from './lab.ts'
import { tableOf } from './table.ts'
import type { Result } from './table.ts'

/* npm run bench: the figures, as a table, each beside its reference. */

const exitCodes = { missed: 1, usage: 64, failed: 70, interrupted: 130 }

const values = readCommandLine({
  command: 'npm run bench --',
  about: 'Measures Tandem on this machine, each figure beside a reference of the same run.',
  options: {
    only: { type: 'string', multiple: true, default: [] },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    strict: { type: 'boolean', default: false },
  },
  help: {
    only: `a figure: ${figures.map(figure => figure.name).join(', ')}; may be repeated`,
    quick: 'few repetitions: to see that it runs',
    json: 'the figures as JSON',
    strict: 'end with 1 when a goal is missed',
  },
})

const unknown = values.only.filter(name => !figures.some(figure => figure.name === name))
if (unknown.length > 0) {
  const names = figures.map(figure => figure.name).join(', ')
  process.stderr.write(`no figure ${unknown.join(', ')}; there are: ${names}\n`)
  process.exit(exitCodes.usage)
}

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort(new Error(signal)))
// Of a promise that nobody waits for: it must not end the program under what is open.
process.once('unhandledRejection', error => {
  process.stderr.write(`${inspect(error)}\n`)
  interrupted.abort(error)
})

process.exitCode = await main()

async function main(): Promise<number> {
  await buildDist(resolve(import.meta.dirname, '..'), () => undefined)
  const wanted = values.only.length === 0 ? figures : figures.filter(figure => values.only.includes(figure.name))
  const results: Result[] = []
  let isWhole = true
  for (const figure of wanted) {
    const missing = missingFor(figure)
    process.stderr.write(
      `${figure.name}: ${missing === undefined ? figure.title : `left out, ${missing} is not there`}\n`,
    )
    if (missing !== undefined) continue
    const say = (line: string): void => void process.stderr.write(`  ${line}\n`)
    try {
      const measurements = await measure(figure, { isQuick: values.quick, say, interrupted: interrupted.signal })
      results.push({ figure, measurements })
    } catch (error) {
      if (interrupted.signal.aborted) return exitCodes.interrupted
      isWhole = false
      process.stderr.write(`${figure.name} could not be measured: ${inspect(error)}\n`)
    }
  }
  process.stdout.write(values.json ? `${JSON.stringify(jsonOf(results))}\n` : `${tableOf(results)}\n`)
  if (!isWhole) return exitCodes.failed
  const isMet = results.every(({ measurements }) => measurements.every(each => judge(each).every(goal => goal.isMet)))
  return values.strict && !isMet ? exitCodes.missed : 0
}

function jsonOf(results: readonly Result[]): object {
  return results.map(({ figure, measurements }) => ({
    name: figure.name,
    title: figure.title,
    measurements: measurements.map(each => ({ ...each, goals: judge(each) })),
  }))
}
