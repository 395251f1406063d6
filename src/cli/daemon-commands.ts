import { InvalidArgumentError } from 'commander'
import { logLevels } from '#contracts'
import { plain, plainLine } from '#kernel'
import type { CommandEntry, Line } from './command-entry.ts'
import { configurationWrong, exitCodeOfKind, exitCodes } from './exit-codes.ts'
import { logFilter, parseSince } from './log-filter.ts'
import { writeLogText } from './log-lines.ts'
import { jsonLine } from './plain-text.ts'
import type { Session } from './session.ts'

const usualLines = 50

/** Commands that start, stop and watch the daemon's process. */
export const daemonEntries: readonly CommandEntry[] = [
  {
    name: 'up',
    heading: 'The daemon',
    summary: 'start the daemon unless it runs',
    description: 'Which of its parts are not as they should be is said on stderr; it is up all the same.',
    options: [{ flags: '--foreground', help: 'run it in this terminal until it is stopped' }],
    examples: ['tandem up', 'tandem up --foreground'],
    exitStatus: [
      [exitCodeOfKind.conflict, 'in conflict with what is there; with --foreground: another daemon runs'],
      [exitCodes.stopFailed, 'with --foreground: it could not put everything away when it ended'],
      [exitCodes.configuration, `${configurationWrong}; with --foreground: it could not start`],
    ],
    run: (session, line) => runUp(session, { foreground: line.has('foreground') }),
  },
  {
    name: 'down',
    heading: 'The daemon',
    summary: 'stop the daemon; running turns get time to end, then go on at the next start',
    failures: ['unavailable', 'conflict', 'busy', 'denied', 'timeout'],
    run: session => runDown(session),
  },
  {
    name: 'logs',
    heading: 'The daemon',
    summary: 'show the end of its log',
    description:
      'Needs no daemon that runs. What a crashing program left in the log counts as an error. With --json the lines are as they are in the file, an object each.',
    options: [
      { flags: '-f, --follow', help: 'go on with new lines until Ctrl-C' },
      {
        flags: '-n, --lines <count>',
        help: 'how many lines',
        fallback: `${usualLines}; with --since all`,
        parse: parseLines,
      },
      { flags: '-l, --level <level>', help: 'only what is at least as grave', choices: logLevels },
      { flags: '--since <time>', help: 'only what came later: 90s, 10m, 2h or 3d ago, or a time', parse: parseSince },
    ],
    examples: ['tandem logs --follow', 'tandem logs --level warn --since 1h', 'tandem logs -n 500 --json'],
    failures: ['missing', 'unavailable'],
    run: (session, line) => runLogs(session, logRequest(line, session.deps.clock.now())),
  },
]

interface LogRequest {
  readonly lines: number
  readonly follow: boolean
  readonly isWanted: (line: string) => boolean
}

function logRequest(line: Line, nowMs: number): LogRequest {
  const [lines, since, level] = [line.option('lines'), line.option('since'), line.text('level')]
  const sinceMs: unknown = typeof since === 'function' ? since(nowMs) : undefined
  return {
    lines: typeof lines === 'number' ? lines : since === undefined ? usualLines : Infinity,
    follow: line.has('follow'),
    isWanted: logFilter({
      level: logLevels.find(known => known === level),
      sinceMs: typeof sinceMs === 'number' ? sinceMs : undefined,
    }),
  }
}

async function runUp(session: Session, options: { readonly foreground: boolean }): Promise<number> {
  const { deps, out, err, isJson } = session
  const outcome = await deps.lifecycle.up({
    ...options,
    onForeground(reason) {
      err.line(`tandem: ${plain(reason.message)}`)
      err.line('  so the daemon runs in this terminal, without a supervisor, until it is stopped (Ctrl-C)')
    },
  })
  if (outcome.kind === 'ended') return outcome.exitCode
  if (isJson) {
    out.line(jsonLine(outcome))
    return codeOf(outcome, options)
  }
  const state = outcome.kind === 'started' ? 'is up' : 'was up already'
  out.line(
    `the daemon ${state}: pid ${outcome.pid}, version ${plainLine(outcome.version)}, ${plainLine(outcome.socket)}`,
  )
  await tellOfParts(session)
  return codeOf(outcome, options)
}

/** It is up; that it lacks something is better known before the first prompt fails. */
async function tellOfParts({ deps, err }: Session): Promise<void> {
  try {
    const { parts } = await deps.lifecycle.health()
    for (const { part, state, why, cure, looked_at: lookedAt } of parts) {
      if (state === 'healthy' || lookedAt === null) continue
      err.line(`  ${plainLine(part)} is ${state}: ${plainLine(why ?? '')}`)
      if (cure !== null) err.line(`    cure: ${plainLine(cure)}`)
    }
  } catch {
    // It is no part of being up; `tandem health` says what keeps it from telling.
  }
}

/** Whoever runs the daemon in the foreground (a service manager) wants this one, not another that is there already. */
function codeOf(outcome: { readonly kind: string }, options: { readonly foreground: boolean }): number {
  return options.foreground && outcome.kind === 'already-running' ? exitCodeOfKind.conflict : exitCodes.ok
}

async function runDown({ deps, out, err, isJson }: Session): Promise<number> {
  using _notice = deps.clock.after(1000, () => {
    if (!isJson) err.line('waits for it to end; turns that run get time, and are stored when it takes too long')
  })
  const outcome = await deps.lifecycle.down()
  if (isJson) out.line(jsonLine(outcome))
  else if (outcome.kind === 'not-running') out.line('no daemon is running')
  else {
    const how = outcome.wasForced ? ' (it had to be ended by force)' : ''
    const kept =
      (outcome.running ?? 0) > 0
        ? `; of ${outcome.running} running turns, those that had not ended go on at the next start`
        : ''
    out.line(`the daemon with pid ${outcome.pid} is down${how}${kept}`)
  }
  return exitCodes.ok
}

/** The end of the daemon's log; with `follow` until Ctrl-C. With --json the lines as they are. */
async function runLogs(session: Session, options: LogRequest): Promise<number> {
  const { deps, out, isJson } = session
  const leaving = new AbortController()
  let code: number = exitCodes.ok
  const leave = (reason: number): void => {
    code = reason
    leaving.abort()
  }
  using _listening = deps.onInterrupt(() => leave(exitCodes.interrupted))
  void out.broken.then(() => leave(exitCodes.readerLeft))
  await deps.lifecycle.readLog({
    ...options,
    signal: leaving.signal,
    write: text => writeLogText(out, text, { isRaw: isJson }),
  })
  return code
}

function parseLines(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('it is a whole number from 0 to 999999')
}
