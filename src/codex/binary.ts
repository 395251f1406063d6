import { access, constants, realpath, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, resolve } from 'node:path'
import { codexNotFound } from './errors.ts'

export interface CodexBinary {
  /** Where it was found: what a person is told. */
  readonly path: string
  /** What is started: for the npm package its native program, so that no wrapper stands between us and the process. */
  readonly executable: string
  readonly source: 'configuration' | 'path' | 'package'
}

export interface FindCodexOptions {
  /** A path, or a name to look for on `path`. When it is given nothing else is tried. */
  readonly configured?: string | undefined
  /** The PATH variable. */
  readonly path: string
  /** Our own package's folder: a codex installed in its `node_modules`, or in one above it. */
  readonly packageRoot?: string | undefined
}

/** The codex program: the configured one, else the first on PATH, else the project's own dependency. CODEX_NOT_FOUND otherwise. */
export async function findCodex(options: FindCodexOptions): Promise<CodexBinary> {
  const tried: string[] = []
  for (const [source, path] of candidates(options)) {
    if (await isProgram(path)) return { path, executable: await nativeOf(path), source }
    tried.push(path)
  }
  throw codexNotFound(tried.slice(0, 20))
}

function candidates(options: FindCodexOptions): readonly (readonly [CodexBinary['source'], string])[] {
  const { configured } = options
  const folders = options.path.split(delimiter).filter(folder => folder !== '')
  if (configured?.includes('/')) return [['configuration', resolve(configured)]]
  if (configured !== undefined) return folders.map(folder => ['configuration', join(folder, configured)])
  const own = options.packageRoot === undefined ? [] : andAbove(options.packageRoot)
  return [
    ...folders.map(folder => ['path', join(folder, 'codex')] as const),
    ...own.map(folder => ['package', join(folder, 'node_modules', '.bin', 'codex')] as const),
  ]
}

function andAbove(folder: string): readonly string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...andAbove(parent)]
}

async function isProgram(path: string): Promise<boolean> {
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
