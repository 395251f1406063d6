/**
 * Whether a code says that the configuration or the installation is wrong: it is cured by changing a file, a variable or what is
 * installed, and whoever starts Tandem (a service manager, a script) need not try again before.
 */
export function isOfConfiguration(code: string): boolean {
  return ofConfiguration.has(code)
}

const ofConfiguration: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'POLICY_INVALID',
  'DIRECTORY_RELATIVE',
  'DIRECTORY_UNSAFE',
  'DIRECTORY_UNWRITABLE',
  'DISK_REMOTE',
  // What a client says of a runtime directory that the daemon would call DIRECTORY_UNSAFE.
  'DAEMON_UNSAFE_SOCKET',
  'SOCKET_OCCUPIED',
  'SOCKET_PATH_TOO_LONG',
  'HTTP_TOKEN_UNSAFE',
  'STORE_URL_INVALID',
  'STORE_UNSUITABLE',
  'STORE_DENIED',
  'STORE_NO_DATABASE',
  'CODEX_NOT_FOUND',
  'CODEX_NOT_RUNNABLE',
  'CODEX_TOO_OLD',
  'CODEX_CONFIG_INVALID',
  'CODEX_HOME_MISSING',
  'CODEX_PROVIDER_UNKNOWN',
  'PROVIDER_KEY_MISSING',
])
