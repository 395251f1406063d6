import type { RestartOutcome } from '#client'
import { showClaudeChanges } from './claude-view.ts'
import type { CommandEntry, Line } from './command-entry.ts'
import { exitCodes } from './exit-codes.ts'
import { exitCodeOfFindings, showFindings } from './findings-view.ts'
import { reportingAtLength } from './lengthy-report.ts'
import { reporting } from './report-command.ts'
import type { Session } from './session.ts'
import { claudeScopes } from '#contracts'
import type { ClaudeScope } from '#contracts'
import { plainLine } from '#kernel'

const exitStatus = [
  [exitCodes.ok, 'nothing is wrong; warnings do not count'],
  [exitCodes.problem, 'something is wrong'],
  [exitCodes.configuration, 'something of the configuration or the installation is wrong'],
] as const

const scopeOption = {
  flags: '--scope <scope>',
  help: 'for you everywhere; for everybody in this project; for you in this project (the server alone)',
  choices: claudeScopes,
  fallback: 'user',
}
/** Files of another program are changed. */
const failuresOfFiles = ['invalid', 'missing', 'unavailable', 'conflict', 'busy'] as const
const dryRunOption = { flags: '--dry-run', help: 'only say what would be done' }

/** Commands that tell what is wrong, that cure it, and that put Tandem into the user's own Claude Code. */
export const cureEntries: readonly CommandEntry[] = [
  {
    name: 'check',
    heading: 'The daemon',
    summary: 'why can the daemon not start or serve? Each finding with its cure',
    description:
      'Looks at everything that a start of the daemon needs, with the same checks, and at what Codex needs. It works without a daemon, starts none and changes nothing.',
    examples: ['tandem check', 'tandem check --json | jq \'.findings[] | select(.state == "problem")\''],
    exitStatus,
    failures: [],
    run: reporting({ ask: ({ deps }) => deps.local.check(), show: showFindings, exitCodeOf: exitCodeOfFindings }),
  },
  {
    name: 'doctor',
    heading: 'The daemon',
    summary: 'try both programs: versions, logins, sandbox, and one scripted round trip through each',
    description:
      'Runs the real codex and the real claude once against a scripted model on this machine, in a temporary home: without network, and without touching anything of yours. What `tandem check` finds is included. It takes some seconds.',
    examples: ['tandem doctor'],
    exitStatus,
    failures: ['unavailable'],
    run: reportingAtLength({
      ask: ({ deps }, _, { onStep, signal }) => deps.local.doctor({ onStep: step => onStep(`${step} …`), signal }),
      show: showFindings,
      exitCodeOf: exitCodeOfFindings,
    }),
  },
  {
    name: 'restart',
    heading: 'The daemon',
    summary: 'stop the daemon and start one with the environment of this shell',
    description:
      'Running turns get time to end, as with `tandem down`; those that have not are continued by the new daemon. Where none runs, one is started.',
    run: reporting({ ask: waitForRestart, show: showRestart }),
  },
  {
    name: 'claude install',
    heading: 'Setting up',
    summary: 'put the tools, the /codex-* commands and the skill into your own Claude Code',
    description:
      'What was written is remembered, so that `tandem claude uninstall` takes out exactly that. Running it again updates. A file of yours is never overwritten without --force, and then comes back with the removal.',
    options: [
      scopeOption,
      { flags: '--force', help: 'replace files of yours that are in the way, until the removal' },
      dryRunOption,
    ],
    failures: failuresOfFiles,
    examples: ['tandem claude install --dry-run', 'tandem claude install', 'tandem claude install --scope project'],
    run: reporting({
      ask: ({ deps }, line) =>
        deps.local.claudeInstall({ scope: scopeOf(line), isForced: line.has('force'), isDryRun: line.has('dry-run') }),
      show: showClaudeChanges,
    }),
  },
  {
    name: 'claude uninstall',
    heading: 'Setting up',
    summary: 'take out of your Claude Code exactly what `claude install` put in',
    description: 'Files that you changed since stay, and are named.',
    options: [scopeOption, dryRunOption],
    failures: failuresOfFiles,
    examples: ['tandem claude uninstall --dry-run', 'tandem claude uninstall'],
    run: reporting({
      ask: ({ deps }, line) => deps.local.claudeUninstall({ scope: scopeOf(line), isDryRun: line.has('dry-run') }),
      show: showClaudeChanges,
    }),
  },
]

/** A choice, as the parser has checked. */
const scopeOf = (line: Line): ClaudeScope => claudeScopes.find(one => one === line.text('scope')) ?? 'user'

async function waitForRestart({ deps, err, isJson }: Session): Promise<RestartOutcome> {
  using _notice = deps.clock.after(1000, () => {
    if (!isJson)
      err.line('waits for it to end; turns that run get time, and go on after the restart when it takes too long')
  })
  return await deps.lifecycle.restart()
}

function showRestart({ kind, pid, version, socket, before }: RestartOutcome, { out }: Session): void {
  if (before !== null) {
    const how = before.was_forced ? ' (it had to be ended by force)' : ''
    const kept = (before.running ?? 0) > 0 ? `; of ${before.running} running turns, those that had not ended go on` : ''
    out.line(
      `the daemon with pid ${before.pid}${before.version === null ? '' : `, version ${plainLine(before.version)},`} is down${how}${kept}`,
    )
  }
  const state = kind === 'restarted' ? 'is up again' : 'was not running, and is up'
  out.line(`the daemon ${state}: pid ${pid}, version ${plainLine(version)}, ${plainLine(socket)}`)
}
