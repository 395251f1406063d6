import type { StoreCopy } from '#contracts'
import { plainLine } from '#kernel'
import type { CommandEntry, Line } from './command-entry.ts'
import { usageWrong } from './errors.ts'
import { exitCodes } from './exit-codes.ts'
import { reportingAtLength } from './lengthy-report.ts'
import type { Session } from './session.ts'

export const storeCopyEntry: CommandEntry = {
  name: 'store copy',
  heading: 'Setting up',
  summary: 'copy everything into another store: a file into Postgres, or back',
  description: [
    'Every row is copied, read back and compared; then all of it is there at once. When it fails, or is left with Ctrl-C, nothing is.',
    'The target must be empty, and no daemon of this state directory may run: `tandem down` stops it.',
    '',
    'A password need not stand on the command line: leave it out of the URL and set PGPASSWORD, or use ~/.pgpass.',
  ].join('\n'),
  options: [
    { flags: '--to <url-or-file>', help: 'where to: postgres://user@host:5432/database, or a file' },
    { flags: '--from <url-or-file>', help: 'where from', fallback: 'the store that the configuration names' },
  ],
  examples: [
    'tandem down && tandem store copy --to postgres://tandem@db.example.com/tandem',
    'tandem store copy --from postgres://tandem@db.example.com/tandem --to ~/.local/state/tandem/tandem.db',
  ],
  failures: ['invalid', 'missing', 'unavailable', 'conflict', 'busy', 'denied'],
  exitStatus: [
    [exitCodes.configuration, 'a store cannot be used as it is named or set up; or the configuration is wrong'],
    [exitCodes.interrupted, 'left with Ctrl-C; nothing was copied'],
  ],
  run: reportingAtLength({
    ask: ({ deps }, line, work) => deps.local.storeCopy({ to: targetOf(line), from: line.text('from'), ...work }),
    show: showCopied,
    whenLeft: 'left; nothing was copied',
  }),
}

function targetOf(line: Line): string {
  const to = line.text('to')
  if (to === undefined) throw usageWrong('it is not said where to: --to <url-or-file>', null, 'store copy')
  return to
}

function showCopied({ from, to, tables, notes }: StoreCopy, { out, err }: Session): void {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0)
  out.line(plainLine(`copied ${rows} rows from ${from} to ${to}, and compared them`))
  // Whoever looks at both has seen each table when it was done.
  const areSeen = out.isTerminal && err.isTerminal
  for (const { name, rows: count, sha256 } of areSeen ? [] : tables)
    out.line(`  ${name.padEnd(10)} ${String(count).padStart(9)}  ${sha256.slice(0, 16)}`)
  for (const note of notes) out.line(plainLine(note))
}
