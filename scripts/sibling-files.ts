import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import type { Plugin } from 'esbuild'

/** Files that the program opens at run time, found while bundling. */
export interface SiblingFiles {
  readonly plugin: Plugin
  /** Absolute paths of files and directories to copy beside the bundle, under their own names. */
  readonly found: () => readonly string[]
}

/**
 * Code finds a file beside it with `new URL('./file', import.meta.url)`, from source and from the flat bundle alike:
 * a TypeScript file must be an entry (the address is rewritten to its bundle), anything else is copied under its own name.
 */
export function siblingFiles(options: {
  readonly sourceDir: string
  /** Absolute path of an entry -> its name in the bundle. */
  readonly entries: ReadonlyMap<string, string>
  /** What else becomes of a source file on its way into the bundle. */
  readonly rewrite: (text: string) => string
}): SiblingFiles {
  const outputs = new Set([...options.entries.values()].map(name => `./${name}.js`))
  const assets = new Map<string, string>()

  function addressOf(file: string, address: string): string {
    if (outputs.has(address)) return address
    const target = resolve(dirname(file), address)
    const entry = options.entries.get(target)
    if (entry !== undefined) return `./${entry}.js`
    if (!existsSync(target)) throw new Error(`${file} refers to ${address}, which does not exist`)
    if (target.endsWith('.ts'))
      throw new Error(`${file} refers to ${address}, which is not an entry of scripts/build.ts`)
    const name = basename(target)
    const other = assets.get(name)
    if (other !== undefined && other !== target) throw new Error(`${other} and ${target} would both be dist/${name}`)
    assets.set(name, target)
    return address.endsWith('/') ? `./${name}/` : `./${name}`
  }

  return {
    found: () => [...assets.values()],
    plugin: {
      name: 'sibling-files',
      setup(build) {
        build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
          if (!path.startsWith(options.sourceDir)) return undefined
          const contents = readFileSync(path, 'utf8').replace(
            siblingAddress,
            (_, before: string, address: string, after: string) => before + addressOf(path, address) + after,
          )
          return { contents: options.rewrite(contents), loader: 'ts' }
        })
      },
    },
  }
}

const siblingAddress = /(new URL\(\s*['"])(\.\.?\/[^'"]*)(['"],\s*import\.meta\.url)/g
