import { plainLine } from '#kernel'
import { cutTo, widthOf } from './plain-text.ts'
import type { Output } from './output.ts'

export interface Column<Row> {
  readonly title: string
  /** For a person: may be relative to now. */
  readonly cell: (row: Row) => string
  /** For a program; default: the same. */
  readonly raw?: (row: Row) => string
  /** May be cut to fit the terminal. Ids never are: they are there to be copied. */
  readonly isFlexible?: boolean
  /** Left out on terminals that are narrower. */
  readonly minColumns?: number
  /** Where it is too narrow for all, those with the highest go first; default: never. */
  readonly rank?: number
}

/** Aligned with a heading on a terminal; tab-separated, whole and without heading when piped. */
export function writeTable<Row>(out: Output, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  if (!out.isTerminal) {
    for (const row of rows) out.line(columns.map(column => plainLine((column.raw ?? column.cell)(row))).join('\t'))
    return
  }
  const wanted = columns.filter(column => (column.minColumns ?? 0) <= out.columns())
  const all = rows.map(row => wanted.map(column => plainLine(column.cell(row))))
  const shown = thatFit(wanted, all, out.columns())
  const cells = all.map(row => shown.map(column => row[wanted.indexOf(column)] ?? ''))
  const widths = fit(shown, cells, out.columns())
  out.line(
    out.paint.bold(
      joinCells(
        shown.map(column => column.title),
        widths,
      ),
    ),
  )
  for (const row of cells) out.line(joinCells(row, widths))
}

/** Names and values below each other, the values aligned. */
export function writePairs(out: Output, pairs: readonly (readonly [string, string])[]): void {
  const width = Math.max(...pairs.map(([name]) => name.length))
  for (const [name, value] of pairs) out.line(`${out.paint.dim(name.padEnd(width))}  ${plainLine(value)}`)
}

/** Lines are never wrapped while there is a column that can be done without. */
function thatFit<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  available: number,
): readonly Column<Row>[] {
  const least = new Map(
    columns.map((column, at) => {
      const natural = naturalWidth(column, cells, at)
      return [column, column.isFlexible === true ? Math.min(natural, smallestShare) : natural]
    }),
  )
  let kept = columns
  for (const column of columns.filter(({ rank }) => rank !== undefined).sort(byRankDown)) {
    const width = kept.reduce((sum, one) => sum + 2 + (least.get(one) ?? 0), -2)
    if (width <= available) break
    kept = kept.filter(one => one !== column)
  }
  return kept
}

function naturalWidth<Row>(column: Column<Row>, cells: readonly (readonly string[])[], at: number): number {
  return cells.reduce((widest, row) => Math.max(widest, widthOf(row[at] ?? '')), column.title.length)
}

const byRankDown = (a: { readonly rank?: number }, b: { readonly rank?: number }): number =>
  (b.rank ?? 0) - (a.rank ?? 0)

/** Natural widths; when they do not fit, the flexible columns share what the others leave. */
function fit<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  available: number,
): readonly number[] {
  const wanted = columns.map((column, at) => ({
    isFlexible: column.isFlexible === true,
    width: naturalWidth(column, cells, at),
  }))
  const gaps = 2 * (columns.length - 1)
  const fixed = wanted.reduce((sum, { isFlexible, width }) => sum + (isFlexible ? 0 : width), 0)
  const flexible = wanted.filter(({ isFlexible }) => isFlexible).map(({ width }) => width)
  const largest = Math.max(smallestShare, largestShare(flexible, available - gaps - fixed))
  return wanted.map(({ isFlexible, width }) => (isFlexible ? Math.min(width, largest) : width))
}

/** The cap under which all widths fit: who needs less than an equal share leaves the rest to the others. */
function largestShare(widths: readonly number[], room: number): number {
  let left = room
  let share = 0
  for (const [at, width] of [...widths].sort((a, b) => a - b).entries()) {
    share = Math.floor(left / (widths.length - at))
    left -= Math.min(width, share)
  }
  return share
}

function joinCells(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, at) => {
    const text = cutTo(cell, widths[at] ?? 0)
    return text + ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(text)))
  })
  return padded.join('  ').trimEnd()
}

const smallestShare = 12
