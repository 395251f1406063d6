import type { CommandEntry } from './command-entry.ts'
import { cureEntries } from './cure-commands.ts'
import { exitCodes } from './exit-codes.ts'
import { policyAllowEntry } from './policy-allow.ts'
import { storeCopyEntry } from './store-copy.ts'

/*
 * Commands that run beside the daemon. Each is a row here and a function of `LocalCommands` (deps.ts), which `app` fills
 * with a program of the room `local`, loaded when it is called. How to add one: README.md of this room.
 */

/** `demo` never gets here: it reads its own line, see run-cli.ts. It stands in the help and in completion. */
export const localEntries: readonly CommandEntry[] = [
  {
    name: 'demo',
    heading: 'Setting up',
    summary: 'show Claude Code and Codex at work with a scripted model, offline',
    options: [{ flags: '--keep', help: 'leave its folder, to look at' }],
    failures: [],
    exitStatus: [
      [exitCodes.ok, 'everything went as it should'],
      [exitCodes.problem, 'something did not'],
    ],
    examples: ['tandem demo', 'tandem demo --keep'],
    run: ({ deps }) => deps.local.demo([]),
  },
  policyAllowEntry,
  ...cureEntries,
  storeCopyEntry,
  {
    name: 'mcp',
    heading: 'More',
    summary: 'serve MCP on stdin and stdout, for Claude Code',
    isWithoutJson: true,
    failures: [],
    run: ({ deps }) => deps.local.mcp(),
  },
]
