import type { ErrorShape } from '#kernel'
import type { StageReport } from './checks.ts'
import type { Recovery } from './crash.ts'
import type { Screen } from './screen.ts'

/** The line of `--json`. */
export interface Report {
  readonly ok: boolean
  /** The model behind both programs is our own. */
  readonly scripted: true
  readonly claude_version: string | null
  readonly codex_version: string | null
  readonly session_id: string | null
  readonly stages: readonly StageReport[]
  readonly recovered: Recovery | null
  readonly requests: { readonly claude: number; readonly codex: number }
  readonly failures: readonly string[]
  readonly ms: number
  readonly kept_in?: string
  readonly error?: ErrorShape
}

export const emptyReport: Omit<Report, 'ms'> = {
  ok: false,
  scripted: true,
  claude_version: null,
  codex_version: null,
  session_id: null,
  stages: [],
  recovered: null,
  requests: { claude: 0, codex: 0 },
  failures: [],
}

/** The same for a person. */
export function tellReport(screen: Screen, report: Report): void {
  if (report.error !== undefined) return tellError(screen, report.error)
  if (report.ok) return tellSuccess(screen, report)
  screen.heading('Something did not hold:')
  const ofStages = report.stages.flatMap(({ name, failures }) => failures.map(text => `${name}: ${text}`))
  for (const failure of [...ofStages, ...report.failures]) screen.line(`- ${failure}`)
}

function tellError(screen: Screen, { code, message, hint }: ErrorShape): void {
  screen.heading(`${code}: ${message}`)
  if (hint !== undefined) screen.line(hint)
}

function tellSuccess(screen: Screen, { session_id, recovered, requests, ms }: Report): void {
  screen.heading(`All of it held, in ${(ms / 1000).toFixed(1)} s.`)
  screen.line(`One Codex session in all turns: ${session_id ?? ''}
The turn in which the daemon was killed was ${recovered?.decision ?? ''} and completed; Codex has its prompt once.
The scripted model answered ${requests.claude} requests of Claude Code and ${requests.codex} of Codex; there were no others.`)
}
