import { completeEntry } from './complete-ids.ts'
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
      description: completionDescription,
      failures: [],
      arguments: [{ name: 'shell', help: 'which one', choices: shells }],
      examples: ['eval "$(tandem completion bash)"', 'tandem completion fish > ~/.config/fish/completions/tandem.fish'],
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
      failures: [],
      run({ deps, out, isJson }) {
        out.line(isJson ? jsonLine({ version: deps.version }) : `tandem ${deps.version}`)
        return exitCodes.ok
      },
    },
    completeEntry,
    {
      // Never gets here: `help NAME` is read as `NAME --help`, see run-cli.ts.
      name: 'help',
      heading: 'More',
      summary: 'show help, of one command if it is named',
      arguments: [{ name: 'command', help: 'which one', isOptional: true, takesRest: true }],
      isWithoutJson: true,
      failures: [],
      run: () => exitCodes.ok,
    },
  ]
}

const completionDescription = [
  'For bash put `eval "$(tandem completion bash)"` into ~/.bashrc, for zsh `eval "$(tandem completion zsh)"` into ~/.zshrc after compinit; for fish write it to ~/.config/fish/completions/tandem.fish.',
  'Commands, options and their values are completed by the script alone. For ids of turns and sessions it asks a daemon that runs; it never starts one, and gives up after a second.',
].join('\n\n')

/** Commander has checked the choice. */
const shellOf = (text: string | undefined): Shell => shells.find(shell => shell === text) ?? 'bash'
