import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { build as bundle } from 'esbuild'
import type { Plugin } from 'esbuild'
import { siblingFiles } from './sibling-files.ts'
import { straightImports } from './straight-imports.ts'
import { thirdPartyNotices } from './third-party.ts'

/*
 * src/ -> dist/, one flat directory: what code finds beside it in the source is beside it there, too.
 * A program (`tandem.js`) is a guard that any Node parses; it loads `tandem.main.js`, and that only what it needs.
 */

/** Programs that a person starts: name in dist -> source. */
const programs = { tandem: 'src/app/main.ts', 'claude-codex': 'src/app/launcher-main.ts' }

/** Files that a running program starts as a worker, or has started by Codex. */
const workers = {
  'store-writer': 'src/store/writer-thread.ts',
  'git-thread': 'src/agents/git-thread.ts',
  'command-gate': 'src/codex/command-gate.ts',
}

/** Builds `dist/` of the package at `root`. Files that did not change are left alone, so a running program keeps its chunks. */
export async function buildDist(root: string, say: (line: string) => void): Promise<void> {
  const entries = existingEntries(root, say)
  const siblings = siblingFiles({
    sourceDir: join(root, 'src'),
    entries: new Map([...entries].map(([name, source]) => [resolve(root, source), name])),
    rewrite: straightImports(join(root, 'src')),
  })
  const result = await bundle({
    absWorkingDir: root,
    entryPoints: [...entries].map(([name, source]) => ({ in: source, out: name in programs ? `${name}.main` : name })),
    outdir: 'dist',
    chunkNames: 'chunk-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Node 24 has `using`; esbuild's table does not know it yet.
    supported: { using: true },
    // Names stay whole, for stack traces; less white space is less to read at every start.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    logLevel: 'silent',
    plugins: [siblings.plugin, withoutTranslations],
  })
  for (const warning of result.warnings) say(`warning: ${warning.text} (${warning.location?.file ?? 'no file'})`)
  const files = new Map(result.outputFiles.map(file => [basename(file.path), withRequire(file.text)]))
  for (const name of entries.keys()) if (name in programs) files.set(`${name}.js`, guardOf(name, versionOf(root)))
  // What is copied beside the bundle is somebody's, too.
  const copied = siblings.found().map(file => relative(root, file))
  files.set('THIRD-PARTY.txt', thirdPartyNotices(root, [...Object.keys(result.metafile.inputs), ...copied]))
  writeDist(join(root, 'dist'), files, siblings.found())
  for (const name of files.keys()) {
    if (name.startsWith('chunk-')) continue
    say(
      `${kilobytes(sizeOf(files, [name]))}  dist/${name}, ${kilobytes(sizeOf(files, loadedWith(files, name))).trim()} at start`,
    )
  }
  const chunks = [...files.keys()].filter(name => name.startsWith('chunk-'))
  say(`${kilobytes(sizeOf(files, chunks))}  dist/chunk-*.js (${chunks.length})`)
}

/** The file and all that is loaded with it, before it has run a line. */
export function loadedWith(files: ReadonlyMap<string, string>, entry: string): readonly string[] {
  const loaded = new Set([entry])
  for (const name of loaded)
    for (const [, next = ''] of files.get(name)?.matchAll(/(?:\bfrom|\bimport) ?["']\.\/([\w.-]+)["']/g) ?? [])
      loaded.add(next)
  return [...loaded]
}

function sizeOf(files: ReadonlyMap<string, string>, names: readonly string[]): number {
  return names.map(name => Buffer.byteLength(files.get(name) ?? '')).reduce((sum, size) => sum + size, 0)
}

function existingEntries(root: string, say: (line: string) => void): ReadonlyMap<string, string> {
  const all = Object.entries({ ...programs, ...workers })
  const entries = all.filter(([, source]) => existsSync(join(root, source)))
  for (const [name, source] of all)
    if (!entries.some(([other]) => other === name)) say(`left out: ${name}, ${source} is not there yet`)
  return new Map(entries)
}

/** zod brings its messages in fifty languages, half of its size; ours are English. */
const withoutTranslations: Plugin = {
  name: 'without-translations',
  setup(build) {
    build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: 'export {}', loader: 'js' }))
  },
}

/** CommonJS packages call `require`, which a module does not have; esbuild's own stand-in looks for it by name. */
function withRequire(text: string): string {
  if (!text.includes('typeof require')) return text
  return `import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);${text}`
}

/**
 * Old syntax on purpose: the point is to be understood by the Node that is refused. `tandem --version` is answered here,
 * before anything is loaded; what follows `claude-codex` is for Claude Code.
 */
function guardOf(name: string, version: string): string {
  const answered =
    name === 'tandem'
      ? `if (major >= 24 && process.argv.length === 3 && /^(--version|-V)$/.test(process.argv[2])) {
  process.stdout.on('error', function () { process.exitCode = 141 })
  process.stdout.write(${JSON.stringify(`${version}\n`)})
} else `
      : ''
  return `var major = parseInt(process.versions.node, 10)
${answered}if (major >= 24) {
  import('./${name}.main.js')
} else {
  process.stderr.write(
    '${name}: Node ' + process.versions.node + ' is too old; it needs Node 24 or newer (https://nodejs.org). ' +
      'Install it, or put one beside Tandem: npm install --global node@24 ' +
      '(in the project, without --global, for a Tandem in its node_modules)\\n'
  )
  process.exitCode = 78
}
`
}

function versionOf(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof found === 'string' ? found : '0.0.0'
}

/** New files first, then the programs, then what is stale goes: nobody ever sees a program whose parts are missing. */
function writeDist(dist: string, files: ReadonlyMap<string, string>, assets: readonly string[]): void {
  mkdirSync(dist, { recursive: true })
  for (const asset of assets) copyWhole(asset, join(dist, basename(asset)))
  const programsLast = [...files].sort(([a], [b]) => Number(a.endsWith('.main.js')) - Number(b.endsWith('.main.js')))
  for (const [name, text] of programsLast) writeWhole(join(dist, name), text)
  const wanted = new Set([...files.keys(), ...assets.map(asset => basename(asset))])
  const stale = readdirSync(dist).filter(name => !wanted.has(name) && !name.endsWith('.tmp'))
  for (const name of stale) rmSync(join(dist, name), { recursive: true, force: true })
}

function copyWhole(from: string, to: string): void {
  if (!statSync(from).isDirectory()) return writeWhole(to, readFileSync(from), statSync(from).mode)
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) copyWhole(join(from, name), join(to, name))
}

/** Never in place: a shell that runs a script reads on in it. */
function writeWhole(path: string, content: string | Buffer, mode = 0o644): void {
  const bytes = Buffer.from(content)
  if (existsSync(path) && readFileSync(path).equals(bytes)) return
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, bytes, { mode })
  renameSync(draft, path)
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(8)} kB`

if (import.meta.main) await buildDist(resolve(import.meta.dirname, '..'), line => console.log(line))
