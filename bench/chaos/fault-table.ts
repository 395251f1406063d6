import type { FaultReport } from '../../test/support/fault.ts'

export type Verdict = 'ok' | 'FAILED' | 'NOT RUN'

export interface FaultRow extends FaultReport {
  readonly verdict: Verdict
  /** Why it failed. */
  readonly problem?: string
  readonly seconds: number
}

/** In Markdown, so that it can be read on a terminal and stand in docs/faults.md. */
export function faultTableOf(rows: readonly FaultRow[]): string {
  const head = ['fault', 'how it is injected', 'expected', 'seen', 'verdict']
  const lines = rows.map(row => [row.fault, row.injected, row.expected, seenIn(row), row.verdict])
  return [head, head.map(() => '---'), ...lines].map(cells => `| ${cells.map(cellOf).join(' | ')} |`).join('\n')
}

export function summaryOf(rows: readonly FaultRow[]): string {
  const count = (verdict: Verdict): number => rows.filter(row => row.verdict === verdict).length
  return `${count('ok')} ok, ${count('FAILED')} failed, ${count('NOT RUN')} not run`
}

const seenIn = (row: FaultRow): string => row.seen ?? row.notRun ?? row.problem ?? ''
const cellOf = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').trim()
