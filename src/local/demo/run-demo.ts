import { AppError, cancelled, errorShapeOf, systemClock } from '#kernel'
import { demoTimedOut, demoUsageWrong } from './errors.ts'
import { startCaretaker } from './caretaker.ts'
import { requestsOf, sessionOf, stageReports, wholeFailures } from './checks.ts'
import { endLeftovers } from './leftovers.ts'
import { makeRoot, removeRoot } from './place.ts'
import { play } from './play.ts'
import { emptyReport, tellReport } from './report.ts'
import { createScreen, writeThrough } from './screen.ts'
import type { Writable } from 'node:stream'
import type { Evidence } from './checks.ts'
import type { Report } from './report.ts'
import type { Screen } from './screen.ts'

export interface DemoDeps {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where `bin/` is; `claude` and `codex` are looked for on PATH and in its `node_modules`. */
  readonly packageDir: string
  readonly stdout: Writable
  readonly stderr: Writable
  /** Aborts when the person wants to leave (Ctrl-C): everything is ended and removed before the demo answers. */
  readonly signal: AbortSignal
}

/**
 * Plays the story in private directories and answers with an exit code: 0 when every check held, 1 when one did not, 2 for
 * wrong arguments, 130 when it was interrupted. Never rejects. About 20 s; it gives up after three minutes.
 */
export async function runDemo(argv: readonly string[], deps: DemoDeps): Promise<number> {
  const unknown = argv.find(word => !['--json', '--keep', '--help', '-h'].includes(word))
  if (argv.includes('--help') || argv.includes('-h')) {
    await writeThrough(deps.stdout, help)
    return exitCodes.ok
  }
  const options = { isJson: argv.includes('--json'), isKept: argv.includes('--keep') }
  const screen = createScreen(options.isJson ? deps.stderr : deps.stdout)
  const outcome = await outcomeOf({ unknown, options, screen, deps })
  tellReport(screen, outcome.report)
  await screen.flush()
  if (options.isJson) await writeThrough(deps.stdout, `${JSON.stringify(outcome.report)}\n`)
  return outcome.exitCode
}

interface Outcome {
  readonly report: Report
  readonly exitCode: number
}

interface Run {
  readonly unknown: string | undefined
  readonly options: { readonly isJson: boolean; readonly isKept: boolean }
  readonly screen: Screen
  readonly deps: DemoDeps
}

async function outcomeOf(run: Run): Promise<Outcome> {
  const startedAt = systemClock.monotonic()
  const elapsedMs = (): number => Math.round(systemClock.monotonic() - startedAt)
  try {
    if (run.unknown !== undefined) throw demoUsageWrong(run.unknown)
    const { evidence, left, keptIn } = await playInPrivate(run)
    const report = reportOf(evidence, left, elapsedMs())
    return {
      report: { ...report, ...(keptIn === undefined ? {} : { kept_in: keptIn }) },
      exitCode: report.ok ? exitCodes.ok : exitCodes.failed,
    }
  } catch (error) {
    const cause = run.deps.signal.aborted ? cancelled('the demo', error) : error
    const report = { ...emptyReport, ms: elapsedMs(), error: errorShapeOf(cause) }
    return { report, exitCode: exitCodeOf(error, run.deps.signal) }
  }
}

async function playInPrivate({ options, screen, deps }: Run): Promise<{
  readonly evidence: Evidence
  readonly left: number
  readonly keptIn: string | undefined
}> {
  const root = await makeRoot()
  await using _caretaker = startCaretaker(root, { isKept: options.isKept, path: deps.env['PATH'] ?? '' })
  const late = new AbortController()
  using _limit = systemClock.after(limitMs, () => late.abort(demoTimedOut('the end of the story', limitMs)))
  let left = 0
  try {
    const signal = AbortSignal.any([deps.signal, late.signal])
    const evidence = await play({ ...deps, root, screen, clock: systemClock, signal })
    left = await endLeftovers(root)
    return { evidence, left, keptIn: options.isKept ? root : undefined }
  } finally {
    await endLeftovers(root)
    if (!options.isKept) await removeRoot(root)
    else
      screen.heading(
        `Kept: ${root}. Look with: TANDEM_STATE_DIR=${root}/state TANDEM_RUNTIME_DIR=${root}/run tandem logs`,
      )
  }
}

function reportOf(evidence: Evidence, left: number, ms: number): Report {
  const stages = stageReports(evidence)
  const failures = [
    ...wholeFailures(evidence),
    ...(left === 0 ? [] : [`${left} processes were still running at the end and had to be ended`]),
  ]
  return {
    ok: failures.length === 0 && stages.every(stage => stage.ok),
    scripted: true,
    claude_version: evidence.programs.claudeVersion,
    codex_version: evidence.programs.codexVersion,
    session_id: sessionOf(evidence.transcript),
    stages,
    recovered: evidence.recovery ?? null,
    requests: {
      claude: requestsOf(evidence.requests, 'messages').length,
      codex: requestsOf(evidence.requests, 'responses').length,
    },
    failures,
    ms,
  }
}

function exitCodeOf(error: unknown, signal: AbortSignal): number {
  if (signal.aborted) return exitCodes.interrupted
  return error instanceof AppError && error.code === 'DEMO_USAGE_WRONG' ? exitCodes.usage : exitCodes.failed
}

const exitCodes = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const
const limitMs = 180_000

const help = `usage: tandem demo [--json] [--keep]

Shows Claude Code and Codex at work together in seven stages on a small web service, then kills the daemon in the middle of
a turn. Claude Code, Codex and the daemon are real; the model behind both programs is scripted, so neither an account nor
a network is needed. Everything happens in private temporary directories and is removed at the end.

  --json   end with one line of JSON on stdout; the story goes to stderr
  --keep   leave the directories, to look at them
`
