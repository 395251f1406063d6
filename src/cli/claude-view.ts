import { writeTable } from './table.ts'
import type { ClaudeReport } from '#contracts'
import { plain } from '#kernel'
import type { Session } from './session.ts'

export function showClaudeChanges({ is_dry_run, changes, notes }: ClaudeReport, { out, err }: Session): void {
  writeTable(
    out,
    [
      { title: is_dry_run ? 'WOULD BE' : 'DONE', cell: change => change.action },
      { title: 'WHAT', cell: change => change.target },
      { title: 'NOTE', cell: change => change.note ?? '', isFlexible: true },
    ],
    changes,
  )
  for (const note of notes) err.line(plain(note))
}
