import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { maxSocketPathBytes, placesOf } from '#contracts'
import { AppError } from '#kernel'
import { claudeEnvFor, codexConfigFor } from '#scripted-model'
import { placeUnusable, programNotRunnable } from './errors.ts'
import { serviceBefore } from './service-before.ts'
import type { Places } from '#contracts'
import type { Programs } from './programs.ts'

/** Everything of one demo is under `root`; nothing else is written to. */
export interface DemoPlace {
  readonly root: string
  readonly projectDir: string
  readonly places: Places
  /** The whole environment of every process of the demo. */
  readonly env: Readonly<Record<string, string>>
}

/** A private directory (0700) in the system's temporary one. DEMO_PLACE_UNUSABLE, as of all that is made in it. */
export async function makeRoot(): Promise<string> {
  return orUnusable(tmpdir(), async () => {
    const root = await mkdtemp(join(await realpath(tmpdir()), 'tandem-demo-'))
    if (Buffer.byteLength(placesIn(root).socketPath) <= maxSocketPathBytes) return root
    // The socket's path would be too long for the kernel.
    await rm(root, { recursive: true })
    return mkdtemp(join(await realpath('/tmp'), 'tandem-demo-'))
  })
}

/** The home of the programs while they are asked for their versions: what they leave there is in nobody's way. */
export async function makeProbeHome(root: string): Promise<string> {
  const home = join(root, 'probe')
  await orUnusable(root, () => mkdir(home, { mode: 0o700 }))
  return home
}

/** Homes, configurations and the service's repository, under `root`. */
export async function furnish(root: string, deps: FurnishDeps): Promise<DemoPlace> {
  return orUnusable(root, () => furnishRoot(root, deps))
}

async function furnishRoot(root: string, deps: FurnishDeps): Promise<DemoPlace> {
  const place = { root, projectDir: projectDirIn(root), places: placesIn(root), env: environmentOf(root, deps) }
  for (const name of ['home', 'codex', 'config', 'cache', 'data', 'tmp', 'bin', 'toolshed'])
    await mkdir(join(root, name), { mode: 0o700 })
  await symlink(deps.programs.claude, join(root, 'bin', 'claude'))
  await writeFile(join(root, 'codex', 'config.toml'), codexConfigFor(deps.modelUrl))
  await writeFile(place.places.configFile, `[codex]\npath = ${JSON.stringify(deps.programs.codex.path)}\n`)
  await makeRepository(place)
  return place
}

export interface FurnishDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly programs: Programs
  readonly modelUrl: string
}

export const projectDirIn = (root: string): string => join(root, 'toolshed')

export async function removeRoot(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

/** A full disk or a directory that one may not write to is trouble of the machine, not a fault of ours. */
async function orUnusable<T>(directory: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    throw error instanceof AppError ? error : placeUnusable(directory, error)
  }
}

function placesIn(root: string): Places {
  return placesOf(directoriesIn(root), join(root, 'home'))
}

function directoriesIn(root: string): Readonly<Record<string, string>> {
  return {
    HOME: join(root, 'home'),
    TMPDIR: join(root, 'tmp'),
    CODEX_HOME: join(root, 'codex'),
    TANDEM_CONFIG_DIR: join(root, 'config'),
    TANDEM_STATE_DIR: join(root, 'state'),
    TANDEM_RUNTIME_DIR: join(root, 'run'),
    XDG_CONFIG_HOME: join(root, 'home', '.config'),
    XDG_STATE_HOME: join(root, 'home', '.local', 'state'),
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_DATA_HOME: join(root, 'data'),
  }
}

/** Of the person's own environment only what says how to run and to print: no keys, no proxies, no surrounding Claude Code. */
function environmentOf(root: string, { env, modelUrl }: FurnishDeps): Readonly<Record<string, string>> {
  const kept = ['USER', 'LOGNAME', 'SHELL', 'TERM', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ'].flatMap(name => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  const path = [join(root, 'bin'), dirname(process.execPath), env['PATH'] ?? '/usr/bin:/bin'].join(':')
  return { ...Object.fromEntries(kept), PATH: path, ...directoriesIn(root), ...claudeEnvFor(modelUrl) }
}

async function makeRepository({ projectDir, env }: DemoPlace): Promise<void> {
  for (const [path, text] of Object.entries(serviceBefore)) {
    await mkdir(dirname(join(projectDir, path)), { recursive: true })
    await writeFile(join(projectDir, path), text)
  }
  const author = ['-c', 'user.name=Demo', '-c', 'user.email=demo@localhost', '-c', 'commit.gpgsign=false']
  try {
    for (const args of [
      ['init', '--quiet'],
      ['add', '.'],
      [...author, 'commit', '--quiet', '-m', 'the service'],
    ])
      await run('git', args, { cwd: projectDir, env: { ...env, GIT_CONFIG_NOSYSTEM: '1' }, timeout: 20_000 })
  } catch (error) {
    throw programNotRunnable('git', error)
  }
}

const run = promisify(execFile)
