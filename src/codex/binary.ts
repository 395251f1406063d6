import { access, constants, realpath, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { programPlaces } from '#contracts'
import type { ProgramSearch } from '#contracts'
import { codexNotFound } from './errors.ts'

export interface CodexBinary {
  /** Where it was found: what a person is told. */
  readonly path: string
  /** What is started: for the npm package its native program, so that no wrapper stands between us and the process. */
  readonly executable: string
  readonly source: 'configuration' | 'path' | 'package'
}

export interface FindCodexOptions extends ProgramSearch {
  /** A path, or a name to look for on `path`. When it is given nothing else is tried. */
  readonly configured?: string | undefined
}

/** The codex program: the configured one, else the first on PATH, else the project's own dependency. CODEX_NOT_FOUND otherwise. */
export async function findCodex(options: FindCodexOptions): Promise<CodexBinary> {
  const tried: string[] = []
  for (const [source, path] of candidates(options)) {
    if (source === 'package' && (await isOpenToAll(folderOfPackages(path)))) continue
    if (await isProgram(path)) return { path, executable: await nativeOf(path), source }
    tried.push(path)
  }
  throw codexNotFound(whereOf(options), tried.slice(0, 20))
}

/** What has the `node_modules`. */
const folderOfPackages = (program: string): string => dirname(dirname(dirname(program)))

/** Such as /tmp above a package below it: anybody may put a program there. */
async function isOpenToAll(folder: string): Promise<boolean> {
  try {
    return ((await stat(folder)).mode & 0o002) !== 0
  } catch {
    // Not there, or not ours to look at: neither is a program in it.
    return true
  }
}

function whereOf({ configured, path, packageRoot }: FindCodexOptions): string {
  if (configured?.includes('/')) return `at ${resolve(configured)}`
  const folders = [...new Set(path.split(':').filter(folder => folder.startsWith('/')))]
  const more = folders.length > 4 ? ` and ${folders.length - 4} more` : ''
  const onPath = folders.length === 0 ? 'on PATH, which is empty' : `on PATH (${folders.slice(0, 4).join(', ')}${more})`
  if (configured !== undefined) return `as ${configured} ${onPath}`
  return packageRoot === undefined ? onPath : `${onPath}, nor in the packages beside Tandem`
}

function candidates(options: FindCodexOptions): readonly (readonly [CodexBinary['source'], string])[] {
  const { configured, path } = options
  if (configured?.includes('/')) return [['configuration', resolve(configured)]]
  if (configured !== undefined) return programPlaces(configured, { path }).map(({ file }) => ['configuration', file])
  return programPlaces('codex', options).map(({ source, file }) => [source, file])
}

/** Whether it is a file that we may run. */
export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    // Not there, or not ours to run: the next candidate.
    return false
  }
}

/** `@openai/codex` installs a Node script that looks for its platform's program and becomes it; this is the same look. */
async function nativeOf(path: string): Promise<string> {
  const real = await realpath(path)
  const target = nativeTargets[`${process.platform}-${process.arch}`]
  if (!real.endsWith(join('@openai', 'codex', 'bin', 'codex.js')) || target === undefined) return path
  const inside = join('vendor', target, 'bin', 'codex')
  const roots = [platformPackageOf(real), join(dirname(real), '..')]
  for (const root of roots) if (root !== null && (await isProgram(join(root, inside)))) return join(root, inside)
  return path
}

function platformPackageOf(script: string): string | null {
  try {
    return dirname(createRequire(script).resolve(`@openai/codex-${process.platform}-${process.arch}/package.json`))
  } catch {
    // An older layout, with the program inside the package itself.
    return null
  }
}

const nativeTargets: Readonly<Record<string, string>> = {
  'linux-x64': 'x86_64-unknown-linux-musl',
  'linux-arm64': 'aarch64-unknown-linux-musl',
  'darwin-x64': 'x86_64-apple-darwin',
  'darwin-arm64': 'aarch64-apple-darwin',
}
