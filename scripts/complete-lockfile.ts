import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'

/*
 * Run after a change of dependencies: `node scripts/complete-lockfile.ts`. npm leaves optional packages of other platforms out of
 * the lockfile when it could not see them (https://github.com/npm/cli/issues/4828), and `npm ci` then fails, or lacks
 * them on those platforms. This adds an entry for each, with the version its parent asks for.
 */
const packageSchema = z.looseObject({
  dev: z.boolean().optional(),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
})
const lockfileSchema = z.looseObject({ packages: z.record(z.string(), z.looseObject({})) })

/** The text of a lockfile -> the same with what was missing, and the names of that. */
export function completeLockfile(text: string): { readonly text: string; readonly added: readonly string[] } {
  const document: unknown = JSON.parse(text)
  const lockfile = lockfileSchema.parse(document)
  const packages = { ...lockfile.packages }
  const added: string[] = []
  for (const [path, entry] of Object.entries(lockfile.packages)) {
    const parent = packageSchema.parse(entry)
    for (const [name, version] of Object.entries(parent.optionalDependencies)) {
      const nested = `${path}/node_modules/${name}`
      const hoisted = `node_modules/${name}`
      if (nested in packages || hoisted in packages || !/^[\d.]+$/.test(version)) continue
      packages[hoisted] = { version, ...(parent.dev ? { dev: true } : {}), optional: true, ...platformOf(name) }
      added.push(`${name}@${version}`)
    }
  }
  const sorted = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'))
  return {
    text: `${JSON.stringify(Object.assign({}, document, { packages: Object.fromEntries(sorted) }), null, 2)}\n`,
    added,
  }
}

/** By the naming that every such package follows: "@oxlint/binding-linux-x64-musl". */
function platformOf(name: string): Readonly<Record<string, readonly string[]>> {
  const match =
    /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(\w+))?$/.exec(name)
  const [, os = '', cpu = '', abi = ''] = match ?? []
  if (match === null) throw new Error(`the platform of ${name} cannot be read from its name`)
  const libc = os === 'linux' ? (abi.startsWith('musl') ? ['musl'] : ['glibc']) : undefined
  return { cpu: [cpu], ...(libc === undefined ? {} : { libc }), os: [os] }
}

if (import.meta.main) {
  const path = resolve(import.meta.dirname, '../package-lock.json')
  const { text, added } = completeLockfile(readFileSync(path, 'utf8'))
  if (added.length > 0) writeFileSync(path, text)
  console.log(added.length === 0 ? 'the lockfile is complete' : `added ${added.length}: ${added.join(', ')}`)
}
