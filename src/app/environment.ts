import { homedir, userInfo } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { placesOf } from '#contracts'
import { directoryRelative } from './errors.ts'
import { packageDir, version } from './version.ts'
import type { Places, PlacesEnvironment } from '#contracts'

/** What our programs take from the process they run in. Read once, here. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  readonly codexHome: string
  readonly cwd: string
  readonly version: string
  /** Where `bin/`, `plugin/` and `node_modules/` are. */
  readonly packageDir: string
}

/** With the places of the daemon: what needs no daemon (help, completion) does not ask for them. */
export interface Environment extends Surroundings {
  readonly places: Places
}

export function readSurroundings(): Surroundings {
  const cwd = currentDirectory()
  const env = { ...process.env }
  const homeDir = env['HOME'] ? env['HOME'] : userHome()
  return {
    env,
    homeDir,
    codexHome: env['CODEX_HOME'] ? resolve(cwd, env['CODEX_HOME']) : join(homeDir, '.codex'),
    cwd,
    version,
    packageDir,
  }
}

/** DIRECTORY_RELATIVE when a variable of ours names no absolute path. */
export function readEnvironment(around: Surroundings = readSurroundings()): Environment {
  return { ...around, places: placesOf(placesEnvironment(around), around.homeDir) }
}

/** An empty variable counts as unset. A relative XDG directory is ignored, as its specification wants; one of ours is refused. */
function placesEnvironment({ env, homeDir, cwd }: Surroundings): PlacesEnvironment {
  const xdg = (name: string): string | undefined => {
    const value = env[name]
    return value !== undefined && isAbsolute(value) ? value : undefined
  }
  const own = (name: string): string | undefined => {
    const value = env[name]
    if (value === undefined || value === '') return undefined
    // It would be another one for each directory that a command is run in, and so another daemon.
    if (!isAbsolute(value)) throw directoryRelative(name, value, absoluteOf(value, { homeDir, cwd }))
    return resolve(value)
  }
  return {
    HOME: homeDir,
    XDG_CONFIG_HOME: xdg('XDG_CONFIG_HOME'),
    XDG_STATE_HOME: xdg('XDG_STATE_HOME'),
    XDG_RUNTIME_DIR: xdg('XDG_RUNTIME_DIR'),
    TANDEM_CONFIG_DIR: own('TANDEM_CONFIG_DIR'),
    TANDEM_STATE_DIR: own('TANDEM_STATE_DIR'),
    TANDEM_RUNTIME_DIR: own('TANDEM_RUNTIME_DIR'),
  }
}

/** What was probably meant; a `~` that no shell has expanded is the home directory. */
function absoluteOf(value: string, { homeDir, cwd }: Pick<Surroundings, 'homeDir' | 'cwd'>): string {
  return /^~(?:\/|$)/.test(value) ? join(homeDir, value.slice(1)) : resolve(cwd, value)
}

/**
 * When it was deleted: its name, or one that nothing has. Whoever wants to work in it is told that it does not exist, and
 * is not put anywhere else.
 */
function currentDirectory(): string {
  try {
    return process.cwd()
  } catch {
    const { PWD } = process.env
    return PWD !== undefined && isAbsolute(PWD) ? PWD : '/the current directory was deleted'
  }
}

function userHome(): string {
  try {
    return userInfo().homedir
  } catch {
    // A user without an entry in the user database (some containers).
    return homedir()
  }
}
