import { AppError, messageOf, shellQuote } from '#kernel'

export const doctorPlaceUnusable = (directory: string, cause: unknown): AppError =>
  new AppError('DOCTOR_PLACE_UNUSABLE', 'unavailable', `nothing can be tried in ${directory}: ${messageOf(cause)}`, {
    hint: 'set TMPDIR to a writable directory with room, then: tandem doctor',
    data: { directory },
    cause,
  })

export const claudeNotFound = (looked: number): AppError =>
  new AppError('CLAUDE_NOT_FOUND', 'missing', `there is no program \`claude\` in ${looked} places`, {
    hint: 'install Claude Code: npm install --global @anthropic-ai/claude-code; then see: claude --version',
  })

export const claudeNotRunnable = (path: string, detail: string, cause: unknown): AppError =>
  new AppError('CLAUDE_NOT_RUNNABLE', 'unavailable', `${path} does not run: ${detail}`, {
    hint: `try it by hand: ${shellQuote(path)} --version; install it again: npm install --global @anthropic-ai/claude-code`,
    data: { path },
    cause,
  })

export const claudeUntested = (version: string, tested: string): AppError =>
  new AppError('CLAUDE_UNTESTED', 'conflict', `claude ${version} is older than what was tested (${tested})`, {
    hint: 'it may well work; when it does not: claude update',
    data: { version, tested },
  })

export const claudeNotLoggedIn = (directory: string): AppError =>
  new AppError(
    'CLAUDE_NOT_LOGGED_IN',
    'denied',
    `no login of Claude Code was found in ${directory} or in the environment`,
    {
      hint: 'see what Claude Code says: claude auth status; log in: claude auth login',
      data: { directory },
    },
  )

export const sandboxFailed = (detail: string, facts: Readonly<Record<string, unknown>>): AppError =>
  new AppError('CODEX_SANDBOX_FAILED', 'unavailable', `Codex cannot run a command in its sandbox: ${detail}`, {
    hint: cureOfSandbox(detail, facts),
    data: { ...facts },
  })

/** What weakens the machine is said only where Codex itself speaks of what it weakens. */
function cureOfSandbox(detail: string, facts: Readonly<Record<string, unknown>>): string {
  if (facts['max_user_namespaces'] !== 0 && !/bwrap|bubblewrap|namespace|landlock|seccomp|not permitted/i.test(detail))
    return 'this is what Codex says; see it by hand: codex sandbox -- /bin/true'
  return facts['apparmor_restricts'] === true
    ? 'AppArmor forbids user namespaces: install bubblewrap (apt install bubblewrap), or: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'
    : 'user namespaces must be allowed (in a container, from outside): sudo sysctl user.max_user_namespaces=15000'
}

export const sandboxOpen = (): AppError =>
  new AppError('CODEX_SANDBOX_OPEN', 'denied', 'a command in the read-only sandbox of Codex could write a file', {
    hint: 'do not let Codex work here unwatched; update it: npm install --global @openai/codex; then: tandem doctor',
  })

export const roundTripFailed = (program: 'codex' | 'claude', detail: string, cause?: unknown): AppError =>
  new AppError('ROUND_TRIP_FAILED', 'unavailable', `${program} did not answer a scripted model: ${detail}`, {
    hint: `see that \`${program} --version\` works in this shell and that programs here may use 127.0.0.1 (a proxy?), then: tandem doctor`,
    data: { program },
    cause,
  })
