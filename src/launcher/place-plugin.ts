import { createHash, randomBytes } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { systemCodeOf } from '#kernel'
import { pluginMissing, pluginPlaceUnsafe } from './errors.ts'

export interface PlacePluginOptions {
  /** `plugin/` of the package. */
  readonly sourceDir: string
  readonly stateDir: string
  readonly version: string
  readonly nowMs: number
}

/** What Claude Code is pointed at. */
export interface PlacedPlugin {
  /** For `--add-dir`: its `.claude` holds `commands` and `skills`. */
  readonly dir: string
  /** Holds the copies of all versions. */
  readonly parentDir: string
  /** For PATH. */
  readonly binDir: string
}

/** A copy that no session has used for so long is removed. */
const keptMs = 30 * 86_400_000

/**
 * Copies commands, skill and programs to a private directory in the form that `--add-dir` wants. The name holds version
 * and contents, and a copy appears as a whole: sessions of two versions never see each other's files, two launchers cannot
 * mix theirs, and a copy that was tampered with is made anew.
 */
export async function placePlugin(options: PlacePluginOptions): Promise<PlacedPlugin> {
  const files = await readPlugin(options.sourceDir)
  const parent = join(options.stateDir, 'claude')
  await mkdir(parent, { recursive: true, mode: 0o700 })
  await refuseUnsafe(parent)
  const dir = join(parent, `${options.version}-${digestOf(files)}`)
  await makeCurrent(dir, files, options.nowMs)
  await removeUnused(parent, options.nowMs)
  return { dir, parentDir: parent, binDir: join(dir, 'bin') }
}

/** Path within the placed directory -> contents, in the order of the paths. */
type Files = ReadonlyMap<string, Buffer>

const folders = { commands: '.claude/commands', skills: '.claude/skills', bin: 'bin' } as const

async function readPlugin(sourceDir: string): Promise<Files> {
  try {
    const all = await Promise.all(Object.entries(folders).map(([from, to]) => readFolder(join(sourceDir, from), to)))
    return new Map(all.flat().toSorted(([a], [b]) => (a < b ? -1 : 1)))
  } catch (error) {
    throw pluginMissing(sourceDir, error)
  }
}

async function readFolder(folder: string, as: string): Promise<readonly (readonly [string, Buffer])[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return Promise.all(files.map(async file => [join(as, relative(folder, file)), await readFile(file)] as const))
}

function digestOf(files: Files): string {
  const hash = createHash('sha256')
  for (const [path, contents] of files) hash.update(`${path}\0${contents.length}\0`).update(contents)
  return hash.digest('hex').slice(0, 12)
}

async function refuseUnsafe(dir: string): Promise<void> {
  const found = await lstat(dir)
  if (!found.isDirectory()) throw pluginPlaceUnsafe(dir, 'is not a directory')
  if (found.uid !== process.getuid?.()) throw pluginPlaceUnsafe(dir, 'belongs to another user')
  if ((found.mode & 0o077) !== 0) throw pluginPlaceUnsafe(dir, 'can be entered by other users')
}

async function isIntact(dir: string, files: Files): Promise<boolean> {
  try {
    const found = await readFolder(dir, '')
    return found.length === files.size && found.every(([path, contents]) => files.get(path)?.equals(contents) === true)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false
    throw error
  }
}

/**
 * Intact, and marked as used. Where several launchers find a changed copy at once, one may set aside what another has just
 * placed; whoever finds it gone or back again looks anew. Each sets aside once for each look, so this ends soon.
 */
async function makeCurrent(dir: string, files: Files, nowMs: number): Promise<void> {
  for (let triesLeft = maxTries - 1; ; triesLeft -= 1) {
    try {
      if (!(await isIntact(dir, files))) await replace(dir, files)
      return await utimes(dir, nowMs / 1000, nowMs / 1000)
    } catch (error) {
      if (triesLeft === 0 || !raceCodes.has(systemCodeOf(error))) throw error
    }
  }
}

const maxTries = 50
const raceCodes: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST'])

async function replace(dir: string, files: Files): Promise<void> {
  const fresh = `${dir}.${randomBytes(6).toString('hex')}`
  try {
    for (const [path, contents] of files) {
      const target = join(fresh, path)
      await mkdir(dirname(target), { recursive: true, mode: 0o700 })
      await writeFile(target, contents, { mode: path.startsWith(`${folders.bin}/`) ? 0o700 : 0o600 })
    }
    await moveInto(dir, fresh, files)
  } finally {
    await discard(fresh)
  }
}

/** Another launcher may be first: its copy has the same contents. One that differs is set aside before it is removed. */
async function moveInto(dir: string, fresh: string, files: Files): Promise<void> {
  try {
    await rename(fresh, dir)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    if (await isIntact(dir, files)) return
    const old = `${fresh}.old`
    try {
      await rename(dir, old)
      await rename(fresh, dir)
    } finally {
      await discard(old)
    }
  }
}

async function removeUnused(parent: string, nowMs: number): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name)
    const found = await lstat(path).catch(() => undefined)
    if (found !== undefined && nowMs - found.mtimeMs > keptMs) await discard(path)
  }
}

async function discard(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    // It is in nobody's way, and a later start tries again: no reason not to start now.
  }
}
