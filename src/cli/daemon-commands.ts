import { InvalidArgumentError } from 'commander'
import type { CommandEntry } from './command-entry.ts'
import { exitCodeOfKind, exitCodes } from './exit-codes.ts'
import { writeLogText } from './log-lines.ts'
import { jsonLine, plain, plainLine } from './plain-text.ts'
import type { Session } from './session.ts'

const usualLines = 50

/** Commands that start, stop and watch the daemon's process. */
export const daemonEntries: readonly CommandEntry[] = [
  {
    name: 'up',
    heading: 'The daemon',
    summary: 'start the daemon unless it runs',
    options: [{ flags: '--foreground', help: 'run it in this terminal until it is stopped' }],
    examples: ['tandem up', 'tandem up --foreground'],
    exitStatus: [[73, 'with --foreground: another daemon runs']],
    run: (session, line) => runUp(session, { foreground: line.has('foreground') }),
  },
  {
    name: 'down',
    heading: 'The daemon',
    summary: 'stop the daemon; running turns get time to end, then go on at the next start',
    run: session => runDown(session),
  },
  {
    name: 'logs',
    heading: 'The daemon',
    summary: 'show the end of its log',
    options: [
      { flags: '-f, --follow', help: 'go on with new lines until Ctrl-C' },
      { flags: '-n, --lines <count>', help: 'how many lines', fallback: String(usualLines), parse: parseLines },
    ],
    examples: ['tandem logs --follow', 'tandem logs -n 500 --json'],
    run(session, line) {
      const lines = line.option('lines')
      const follow = line.has('follow')
      return runLogs(session, { lines: typeof lines === 'number' ? lines : usualLines, follow })
    },
  },
]

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
  return codeOf(outcome, options)
}

/** Whoever runs the daemon in the foreground (a service manager) wants this one, not another that is there already. */
function codeOf(outcome: { readonly kind: string }, options: { readonly foreground: boolean }): number {
  return options.foreground && outcome.kind === 'already-running' ? exitCodeOfKind.conflict : exitCodes.ok
}

async function runDown({ deps, out, err, isJson }: Session): Promise<number> {
  using _notice = deps.clock.after(1000, () => {
    if (!isJson) err.line('waits for the turns that run; they are stored when it takes too long')
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
async function runLogs(
  session: Session,
  options: { readonly lines: number; readonly follow: boolean },
): Promise<number> {
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
