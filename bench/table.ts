import { judge, quantile } from './figure.ts'
import type { Figure, Goal, Measurement, Quantile } from './figure.ts'

export interface Result {
  readonly figure: Pick<Figure, 'name' | 'title'>
  readonly measurements: readonly Measurement[]
}

/** One line for each goal: what was promised, what was seen, and what the simpler thing beside it took. */
export function tableOf(results: readonly Result[]): string {
  const rows = results.flatMap(({ figure, measurements }) =>
    measurements.flatMap(measurement => rowsOf(figure.name, measurement)),
  )
  const all = [['figure', 'what', 'goal', 'measured', 'reference', 'ratio', 'met'], ...rows]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  return all
    .map(row =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function rowsOf(name: string, measurement: Measurement): readonly (readonly string[])[] {
  const rows = judge(measurement).map(({ goal, seen, isMet }) => {
    const added = goal.of === 'added' ? seen : undefined
    return [
      name,
      measurement.what,
      textOf(goal, measurement.unit),
      ...seenIn(measurement, goal.at, added),
      isMet ? 'yes' : 'NO',
    ]
  })
  // Without a goal it is there to be compared with.
  return rows.length > 0 ? rows : [[name, measurement.what, '-', ...seenIn(measurement, 'p50'), '-']]
}

function seenIn({ unit, samples, reference }: Measurement, at: Quantile, added?: number): readonly string[] {
  const [ours, theirs] = [quantile(samples, at), quantile(reference.samples, at)]
  const measured =
    added === undefined ? `${shown(ours)} ${unit}` : `${added < 0 ? '' : '+'}${shown(added)} ${unit} (${shown(ours)})`
  return [
    `${measured} n=${samples.length}`,
    `${shown(theirs)} ${unit}, ${reference.what}`,
    `${(ours / theirs).toFixed(2)}x`,
  ]
}

function textOf({ at, of, atMost }: Goal, unit: string): string {
  const limit = of === 'ratio' ? `${atMost}x` : `${of === 'added' ? '+' : ''}${atMost} ${unit}`
  return `${at} <= ${limit}`
}

const shown = (value: number): string => value.toFixed(Math.abs(value) < 100 ? 1 : 0)
