import { completionScript, shells } from './completion.ts'
import type { Shell } from './completion.ts'
import type { CommandEntry } from './command-entry.ts'
import { exitCodes } from './exit-codes.ts'
import { jsonLine } from './plain-text.ts'

/** Commands about the command line itself; `all` has the help texts of every command. */
export function ownEntries(all: () => readonly CommandEntry[]): readonly CommandEntry[] {
  return [
    {
      name: 'completion',
      heading: 'More',
      summary: 'print a completion script for a shell',
      arguments: [{ name: 'shell', help: 'which one', choices: shells }],
      run({ out, isJson }, line) {
        const script = completionScript(shellOf(line.argument('shell')), all())
        out.write(isJson ? `${jsonLine({ script })}\n` : script)
        return exitCodes.ok
      },
    },
    {
      name: 'version',
      heading: 'More',
      summary: 'print the version',
      run({ deps, out, isJson }) {
        out.line(isJson ? jsonLine({ version: deps.version }) : `tandem ${deps.version}`)
        return exitCodes.ok
      },
    },
    {
      // Never gets here: `help NAME` is read as `NAME --help`, see run-cli.ts.
      name: 'help',
      heading: 'More',
      summary: 'show help, of one command if it is named',
      arguments: [{ name: 'command', help: 'which one', isOptional: true, takesRest: true }],
      isWithoutJson: true,
      run: () => exitCodes.ok,
    },
  ]
}

/** Commander has checked the choice. */
const shellOf = (text: string | undefined): Shell => shells.find(shell => shell === text) ?? 'bash'
