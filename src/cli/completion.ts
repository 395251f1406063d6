import type { CommandEntry } from './command-entry.ts'
import { bashScript } from './completion-bash.ts'
import { fishScript } from './completion-fish.ts'
import { completedCommands } from './completion-model.ts'
import type { CompletedCommand } from './completion-model.ts'
import { zshScript } from './completion-zsh.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/**
 * A script that completes commands, options and their values by itself; only for ids of turns and sessions it asks
 * `tandem __complete`, which never starts a daemon.
 */
export function completionScript(shell: Shell, entries: readonly CommandEntry[]): string {
  return writers[shell](completedCommands(entries))
}

const writers: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}
