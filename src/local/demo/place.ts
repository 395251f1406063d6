import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { maxSocketPathBytes, placesOf } from '#contracts'
import { claudeEnvFor, codexConfigFor } from '#scripted-model'
import { programNotRunnable } from '../errors.ts'
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

/** A private directory (0700) in the system's temporary one, with `probeHomeIn` in it. */
export async function makeRoot(): Promise<string> {
  const root = await makeShortRoot()
  await mkdir(probeHomeIn(root), { mode: 0o700 })
  return root
}

async function makeShortRoot(): Promise<string> {
  const root = await mkdtemp(join(await realpath(tmpdir()), 'tandem-demo-'))
  if (Buffer.byteLength(placesIn(root).socketPath) <= maxSocketPathBytes) return root
  // The socket's path would be too long for the kernel.
  await rm(root, { recursive: true })
  return mkdtemp(join(await realpath('/tmp'), 'tandem-demo-'))
}

/** Homes, configurations and the service's repository, under `root`. */
export async function furnish(root: string, deps: FurnishDeps): Promise<DemoPlace> {
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

/** The home of the programs while they are asked for their versions: what they leave there is in nobody's way. */
export const probeHomeIn = (root: string): string => join(root, 'probe')

export async function removeRoot(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
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
