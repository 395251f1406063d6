import { resolve } from 'node:path'
import { sandboxes } from '#contracts'
import { plainLine } from '#kernel'
import type { PolicyGrant } from './deps.ts'
import type { CommandEntry, EntryOption, Line } from './command-entry.ts'
import { usageWrong } from './errors.ts'
import { reporting } from './report-command.ts'

const onOff = ['on', 'off'] as const

/**
 * A person widens what Codex may do. A command only: no verb, so no program gets it through a door of the daemon, and
 * `app` refuses it inside of Claude Code's shell.
 */
export const policyAllowEntry: CommandEntry = {
  name: 'policy allow',
  heading: 'Setting up',
  summary: 'allow more of Codex, in your own policy file',
  description: [
    'Writes policy.toml in the configuration directory; turns that are accepted from then on may use it. With --directory, --sandbox and',
    '--network hold in these directories only, otherwise everywhere.',
    '',
    "It is a command of a person: it refuses to run inside of Claude Code's shell.",
  ].join('\n'),
  failures: ['invalid', 'unavailable', 'conflict', 'denied'],
  options: optionsOfAllow(),
  examples: [
    'tandem policy allow --sandbox workspace-write',
    'tandem policy allow --directory ~/code/site',
    'tandem policy allow --directory ~/code/site --sandbox workspace-write --network on',
  ],
  run: reporting({
    ask: ({ deps }, line) => deps.local.policyAllow(grantOf(line, deps.cwd)),
    show(report, { out }) {
      for (const change of report.changes) out.line(plainLine(change))
      out.line(
        plainLine(report.changes.length === 0 ? `nothing to change in ${report.file}` : `written to ${report.file}`),
      )
    },
  }),
}

function optionsOfAllow(): readonly EntryOption[] {
  return [
    {
      flags: '--sandbox <mode>',
      help: 'the highest sandbox that may be asked for',
      choices: sandboxes,
    },
    { flags: '--directory <dir...>', help: 'a directory that turns may work in, with all below it' },
    {
      flags: '--network <on|off>',
      help: 'whether workspace-write turns reach the network',
      choices: onOff,
    },
  ]
}

function grantOf(line: Line, cwd: string): PolicyGrant {
  const sandbox = sandboxes.find(each => each === line.text('sandbox'))
  const network = line.text('network')
  const directories = line.option('directory')
  const grant = {
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(network === undefined ? {} : { network: network === 'on' }),
    directories: Array.isArray(directories) ? directories.map(directory => resolve(cwd, String(directory))) : [],
  }
  if (sandbox === undefined && network === undefined && grant.directories.length === 0)
    throw usageWrong('it is not said what to allow: --sandbox, --directory or --network', null, 'policy allow')
  return grant
}
