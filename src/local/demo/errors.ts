import { AppError, messageOf } from '#kernel'

export const demoUsageWrong = (argument: string): AppError =>
  new AppError('DEMO_USAGE_WRONG', 'invalid', `the demo does not know ${JSON.stringify(argument)}`, {
    hint: 'it takes --json, --keep and --help',
    data: { argument },
  })

export const claudeMissing = (looked: readonly string[]): AppError =>
  new AppError('DEMO_CLAUDE_MISSING', 'missing', 'the demo plays with the real Claude Code, and found no `claude`', {
    hint: 'install it with `npm install -g @anthropic-ai/claude-code`; in a checkout `npm ci` brings it',
    data: { looked },
  })

export const codexMissing = (cause: unknown): AppError =>
  new AppError('DEMO_CODEX_MISSING', 'missing', 'the demo plays with the real Codex, and found no `codex`', {
    hint: 'install it with `npm install -g @openai/codex`; in a checkout `npm ci` brings it',
    cause,
  })

export const placeUnusable = (directory: string, cause: unknown): AppError =>
  new AppError(
    'DEMO_PLACE_UNUSABLE',
    'unavailable',
    `the demo cannot make its files in ${directory}: ${messageOf(cause)}`,
    { hint: 'set TMPDIR to a writable directory with room', data: { directory }, cause },
  )

export const programNotRunnable = (program: string, cause: unknown): AppError =>
  new AppError('DEMO_PROGRAM_FAILED', 'unavailable', `\`${program}\` does not run here`, {
    hint: `see that \`${program}\` works in this shell; the demo needs git, claude and codex`,
    data: { program },
    cause,
  })

export const claudeEndedBadly = (how: string, lastWords: string): AppError =>
  new AppError('DEMO_CLAUDE_FAILED', 'unavailable', `Claude Code ${how} before the story was over: ${lastWords}`, {
    hint: 'run the demo with --keep and look at what it leaves',
    data: { how },
  })

export const demoTimedOut = (what: string, timeoutMs: number): AppError =>
  new AppError('DEMO_TIMED_OUT', 'timeout', `${what} did not come within ${timeoutMs} ms`, {
    hint: 'a machine under heavy load may be too slow for the demo; run it again with --keep and look at the log it leaves',
    data: { what, timeoutMs },
  })
