import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** The source as the house checks see it: text and imports, nothing loaded. */
export interface SourceFile {
  /** From the root of the project: "src/store/index.ts". */
  readonly path: string
  /** The folder under src/. */
  readonly room: string
  /** Tests and what only they use (`x.test.ts`, `test-x.ts`, `harness.ts`). */
  readonly isTest: boolean
  readonly text: string
  /** The text without comments and template strings: those may quote code. */
  readonly code: string
  readonly imports: readonly Import[]
}

export interface Import {
  /** As written. */
  readonly specifier: string
  /** `static` runs when the file is loaded, `dynamic` when asked for, `type` never. */
  readonly kind: 'static' | 'dynamic' | 'type'
  /** The file it leads to, from the root of the project; undefined for packages and built-ins. */
  readonly target: string | undefined
}

export const projectRoot: string = resolve(import.meta.dirname, '../..')

export function readSource(root = projectRoot): readonly SourceFile[] {
  return readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .sort()
    .map(name => sourceFileOf(`src/${name}`, readFileSync(join(root, 'src', name), 'utf8')))
}

export function sourceFileOf(path: string, text: string): SourceFile {
  const code = codeOf(text)
  return {
    path,
    room: path.split('/')[1] ?? '',
    isTest: /\.test\.ts$|harness\.ts$|\/test-[\w-]+\.ts$/.test(path),
    text,
    code,
    imports: importsOf(path, code),
  }
}

/** One pass over comments and strings of all kinds, so that a quote in one does not open another. */
function codeOf(text: string): string {
  const token = /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\[^])*`/g
  return text.replace(token, found => (/^['"]/.test(found) ? found : ''))
}

/** Static imports and re-exports start a line (the formatter sees to it); `import(…)` can be anywhere, types included. */
function importsOf(path: string, code: string): readonly Import[] {
  const found: Import[] = []
  for (const [, type, specifier = ''] of code.matchAll(fromClause))
    found.push({ specifier, kind: type ? 'type' : 'static', target: targetOf(path, specifier) })
  for (const [, specifier = ''] of code.matchAll(bareImport))
    found.push({ specifier, kind: 'static', target: targetOf(path, specifier) })
  for (const [, specifier = ''] of code.matchAll(importCall))
    found.push({ specifier, kind: 'dynamic', target: targetOf(path, specifier) })
  return found
}

function targetOf(path: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) return `src/${specifier.slice(1)}/index.ts`
  if (!specifier.startsWith('.')) return undefined
  return relative('/', join('/', dirname(path), specifier))
}

const fromClause = /^(?:import|export)\s+(type\s+)?[\w$*{},\s]+?\sfrom\s+['"]([^'"]+)['"]/gm
const bareImport = /^import\s+['"]([^'"]+)['"]/gm
const importCall = /\bimport\(\s*['"]([^'"]+)['"]/g
