import { errorFromShape } from '#contracts'
import { AppError, messageOf, shellQuote } from '#kernel'
import type { PartHealth } from '#contracts'

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

export const diskLow = (directory: string, freeBytes: number): AppError =>
  new AppError('DISK_LOW', 'unavailable', `${megabytes(freeBytes)} are free on the disk of ${directory}`, {
    hint: `free space there; see what takes it: du -xh ${shellQuote(directory)} | sort -h | tail`,
    data: { directory, free_bytes: freeBytes },
  })

export const diskFull = (directory: string, what: string): AppError =>
  new AppError('STORE_FULL', 'unavailable', `the disk of ${directory} is full: ${what}`, {
    hint: 'free space on it, or set TANDEM_STATE_DIR to a directory on another disk; a running daemon goes on by itself',
    data: { directory },
  })

export const storeHeld = (file: string, pid: number): AppError =>
  new AppError('STORE_LOCKED', 'unavailable', `another program (pid ${pid}) holds the database ${file}`, {
    hint: `see which it is (ps -fp ${pid}), and end it or let it end`,
    data: { file, pid },
  })

export const diskRemote = (directory: string, kind: string): AppError =>
  new AppError('DISK_REMOTE', 'unavailable', `${directory} is on a file system of another machine (${kind})`, {
    hint: 'locks and the database need a local disk: set TANDEM_STATE_DIR to a directory on one',
    data: { directory, kind },
  })

export const logUnwritable = (file: string, reason: string, cause?: unknown): AppError =>
  new AppError('LOG_UNWRITABLE', 'unavailable', `the log ${file} cannot be written: ${reason}`, {
    hint: `see who owns it (ls -l ${shellQuote(file)}), then move it away: mv ${shellQuote(file)} ${shellQuote(`${file}.old`)}`,
    data: { file },
    cause,
  })

export const daemonSuspended = (pid: number): AppError =>
  new AppError('DAEMON_SUSPENDED', 'unavailable', `the daemon (pid ${pid}) was stopped by a signal and does nothing`, {
    hint: `let it go on: kill -CONT ${pid}; or end it and start another: tandem restart`,
    data: { pid },
  })

export const daemonHangs = (pid: number, cause: unknown): AppError =>
  new AppError(
    'DAEMON_HANGS',
    'unavailable',
    `the daemon (pid ${pid}) holds its lock and does not answer: ${messageOf(cause)}`,
    {
      hint: 'end it and start another, which continues its turns: tandem restart',
      data: { pid },
      cause,
    },
  )

export const addressStray = (file: string, socket: string): AppError =>
  new AppError(
    'DAEMON_ADDRESS_STRAY',
    'conflict',
    `${file} leads to the daemon of another state directory (${socket}), of which this one is a copy`,
    {
      hint: `it is not believed, and the next start replaces it; remove it: rm ${shellQuote(file)}`,
      data: { file, socket },
    },
  )

export const daemonOtherVersion = (
  pid: number,
  versions: { readonly daemon: string; readonly own: string },
): AppError =>
  new AppError(
    'DAEMON_OTHER_VERSION',
    'conflict',
    `the daemon (pid ${pid}) is version ${versions.daemon}, this command is ${versions.own}`,
    { hint: 'have one version everywhere: tandem restart', data: { pid, ...versions } },
  )

/** While the daemon runs; the cure is the client's, as `tandem health` says it. */
export const socketOccupiedFor = (path: string, refused: AppError): AppError =>
  new AppError('SOCKET_OCCUPIED', 'conflict', refused.message, {
    hint: refused.hint ?? `move it away: mv ${shellQuote(path)} ${shellQuote(`${path}.old`)}`,
    data: { path },
    cause: refused,
  })

/** A part as the daemon itself has found it. */
export const daemonPartWrong = ({ part, why, cure, details }: PartHealth): AppError =>
  errorFromShape({
    code: typeof details['code'] === 'string' ? details['code'] : 'DAEMON_PART_WRONG',
    kind: 'unavailable',
    message: why ?? `the part ${part} of the daemon is not as it should be`,
    hint: cure ?? 'see all of it: tandem health',
  })

export const codexNotForDaemon = (
  pid: number,
  { path, why }: { readonly path: string; readonly why: string },
): AppError =>
  new AppError('CODEX_NOT_FOUND', 'missing', `the daemon (pid ${pid}) has no codex: ${why}`, {
    hint: `it keeps the PATH of its start, and this shell has ${path}: tandem restart`,
    data: { pid, path },
  })

export const codexHomeMissing = (directory: string, source: string): AppError =>
  new AppError('CODEX_HOME_MISSING', 'missing', `${source} names ${directory}, which is not a directory`, {
    hint: `make it: mkdir -p ${shellQuote(directory)}; or correct ${source}; then: tandem restart`,
    data: { directory, source },
  })

export const codexNotLoggedIn = (codexHome: string, hasKeyInEnvironment: boolean): AppError =>
  new AppError('CODEX_NOT_LOGGED_IN', 'denied', `Codex has no login in ${codexHome}`, {
    hint: hasKeyInEnvironment
      ? 'Codex does not take the key of its environment by itself: printenv OPENAI_API_KEY | codex login --with-api-key'
      : 'log in: codex login; with an API key: printenv OPENAI_API_KEY | codex login --with-api-key',
    data: { codex_home: codexHome },
  })

export const codexLoginUnknown = (codexHome: string): AppError =>
  new AppError('CODEX_LOGIN_UNKNOWN', 'unavailable', `whether Codex is logged in is kept outside of ${codexHome}`, {
    hint: 'ask Codex itself: codex login status',
    data: { codex_home: codexHome },
  })

export const codexUntested = (version: string, tested: string): AppError =>
  new AppError('CODEX_UNTESTED', 'conflict', `codex ${version} is outside of what was tested (${tested})`, {
    hint: 'it may well work; when it does not: npm install --global @openai/codex@0.169.0',
    data: { version, tested },
  })

/** `where` is whose environment was looked at. */
export const providerKeyMissing = (
  name: string,
  provider: string,
  where: { readonly kind: 'daemon'; readonly pid: number; readonly isInShell: boolean } | { readonly kind: 'shell' },
): AppError =>
  new AppError(
    'PROVIDER_KEY_MISSING',
    'missing',
    `the provider ${provider} takes its key from ${name}, which ${where.kind === 'daemon' ? `the daemon (pid ${where.pid})` : 'this shell'} does not have`,
    {
      hint:
        where.kind === 'daemon' && where.isInShell
          ? 'this shell has it: tandem restart'
          : `set it and start the daemon from that shell: export ${name}=…; tandem restart`,
      data: { name, provider },
    },
  )

export const providerUnknown = (provider: string, file: string): AppError =>
  new AppError(
    'CODEX_PROVIDER_UNKNOWN',
    'invalid',
    `${file} chooses the provider ${provider}, which it does not define`,
    {
      hint: `add [model_providers.${provider}] to ${file}, or correct model_provider`,
      data: { provider, file },
    },
  )

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

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
    hint:
      facts['apparmor_restricts'] === true
        ? 'AppArmor forbids user namespaces: install bubblewrap (apt install bubblewrap), or: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0'
        : 'user namespaces must be allowed: sudo sysctl user.max_user_namespaces=15000; in a container it has to be allowed from outside',
    data: { ...facts },
  })

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
