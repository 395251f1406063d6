import { errorFromShape } from '#contracts'
import { AppError, messageOf, shellQuote } from '#kernel'
import type { PartHealth } from '#contracts'

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
    hint: `correct ${source}, or make it: mkdir -p ${shellQuote(directory)}; then: tandem restart`,
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
