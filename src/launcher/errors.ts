import { AppError } from '#kernel'

export const claudeNotFound = (looked: readonly string[]): AppError =>
  new AppError('CLAUDE_NOT_FOUND', 'missing', `no program \`claude\` in ${looked.join(', ')}`, {
    hint: 'install Claude Code with `npm install -g @anthropic-ai/claude-code`, and see that `claude --version` works in this shell',
    data: { looked },
  })

export const pluginMissing = (dir: string, cause: unknown): AppError =>
  new AppError('PLUGIN_MISSING', 'missing', `the commands and the skill are not in ${dir}`, {
    hint: 'this installation of Tandem is incomplete: install it again',
    data: { dir },
    cause,
  })

export const pluginPlaceUnsafe = (dir: string, problem: string): AppError =>
  new AppError('PLUGIN_PLACE_UNSAFE', 'denied', `${dir} ${problem}`, {
    hint: `somebody else could change what Claude Code is told to do: remove ${dir} and start again`,
    data: { dir },
  })
