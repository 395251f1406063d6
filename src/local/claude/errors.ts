import { AppError, shellQuote } from '#kernel'

export const claudeFileUnreadable = (file: string, problem: string, cause: unknown): AppError =>
  new AppError('CLAUDE_FILE_UNREADABLE', 'invalid', `${file} of Claude Code cannot be read: ${problem}`, {
    hint: `nothing was changed; correct it, or restore one of Claude Code's own copies (ls ~/.claude/backups), then try again`,
    data: { file },
    cause,
  })

export const claudeFileUnwritable = (file: string, problem: string, cause: unknown): AppError =>
  new AppError('CLAUDE_FILE_UNWRITABLE', 'unavailable', `${file} cannot be written: ${problem}`, {
    hint: 'see that you own it and its directory, and that its disk has room; then run the same command again',
    data: { file },
    cause,
  })

export const claudeFileBusy = (file: string, lock: string): AppError =>
  new AppError('CLAUDE_FILE_BUSY', 'busy', `${file} is being written by Claude Code`, {
    hint: `try again; if no Claude Code runs: rmdir ${shellQuote(lock)}`,
    data: { file, lock },
  })

export const claudeFilesInTheWay = (targets: readonly string[], force: string): AppError =>
  new AppError('CLAUDE_FILES_IN_THE_WAY', 'conflict', `these are yours, not ours: ${targets.join(', ')}`, {
    hint: `nothing was changed; move them away, or let them be set aside until the removal: ${force}`,
    data: { targets },
  })

export const manifestUnreadable = (file: string, problem: string, cause: unknown): AppError =>
  new AppError(
    'CLAUDE_MANIFEST_UNREADABLE',
    'invalid',
    `${file}, which says what was installed, cannot be read: ${problem}`,
    {
      hint: `nothing was changed; put a copy of it back, or move it away and remove by hand: ~/.claude/commands/codex-*.md, ~/.claude/skills/codex-collaboration; claude mcp remove --scope user tandem`,
      data: { file },
      cause,
    },
  )

export const pluginIncomplete = (dir: string, cause: unknown): AppError =>
  new AppError('PLUGIN_MISSING', 'missing', `the commands and the skill are not in ${dir}`, {
    hint: 'this installation of Tandem is incomplete: install it again',
    data: { dir },
    cause,
  })
