/** Where things are on this machine. A pure derivation: nothing is created or looked at here. */
export interface Places {
  /** config.toml. `$TANDEM_CONFIG_DIR`, else `$XDG_CONFIG_HOME/tandem`, else `~/.config/tandem`. */
  readonly configDir: string
  readonly configFile: string
  /** What may be asked of Codex. */
  readonly policyFile: string
  /** Store, lock, log. `$TANDEM_STATE_DIR`, else `$XDG_STATE_HOME/tandem`, else `~/.local/state/tandem`. Mode 0700. */
  readonly stateDir: string
  /** The socket. `$TANDEM_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/tandem`, else `run` in the state directory. Mode 0700. */
  readonly runtimeDir: string
  readonly socketPath: string
  /** Held by the one daemon of this state directory: an SQLite file under an exclusive transaction. */
  readonly lockFile: string
  /** Written by the daemon that holds the lock: the socket's address, so that a shell with another environment finds it. */
  readonly addressFile: string
  /** For people; never trusted. */
  readonly pidFile: string
  readonly storeFile: string
  readonly logFile: string
  /** The HTTP door's address while it serves; its token, 0600, outlives it. */
  readonly httpFile: string
  readonly httpTokenFile: string
}

export interface PlacesEnvironment {
  readonly HOME?: string | undefined
  readonly XDG_CONFIG_HOME?: string | undefined
  readonly XDG_STATE_HOME?: string | undefined
  readonly XDG_RUNTIME_DIR?: string | undefined
  readonly TANDEM_CONFIG_DIR?: string | undefined
  readonly TANDEM_STATE_DIR?: string | undefined
  readonly TANDEM_RUNTIME_DIR?: string | undefined
}

/** Longest socket path in bytes that Linux takes (sun_path is 108 bytes with its end mark; unix(7)). */
export const maxSocketPathBytes = 107

export function placesOf(env: PlacesEnvironment, homeDir: string): Places {
  const home = env.HOME ?? homeDir
  const configDir = env.TANDEM_CONFIG_DIR ?? `${env.XDG_CONFIG_HOME ?? `${home}/.config`}/tandem`
  const stateDir = env.TANDEM_STATE_DIR ?? `${env.XDG_STATE_HOME ?? `${home}/.local/state`}/tandem`
  const runtimeDir =
    env.TANDEM_RUNTIME_DIR ?? (env.XDG_RUNTIME_DIR ? `${env.XDG_RUNTIME_DIR}/tandem` : `${stateDir}/run`)
  return {
    configDir,
    configFile: `${configDir}/config.toml`,
    policyFile: `${configDir}/policy.toml`,
    stateDir,
    runtimeDir,
    socketPath: `${runtimeDir}/daemon.sock`,
    lockFile: `${stateDir}/daemon.lock`,
    addressFile: `${stateDir}/daemon.json`,
    pidFile: `${stateDir}/daemon.pid`,
    storeFile: `${stateDir}/tandem.db`,
    logFile: `${stateDir}/daemon.log`,
    httpFile: `${stateDir}/http.json`,
    httpTokenFile: `${stateDir}/http.token`,
  }
}
