import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The directory of our package.json: two above the source, one above the bundle. */
export const packageDir = packageDirOf(import.meta.dirname)

/** Read and not built in, so that source and bundle say the same. */
export const version = versionOf(readFileSync(join(packageDir, 'package.json'), 'utf8'))

function packageDirOf(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory
  const parent = dirname(directory)
  return parent === directory ? directory : packageDirOf(parent)
}

function versionOf(manifest: string): string {
  const parsed: unknown = JSON.parse(manifest)
  const found = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : undefined
  return typeof found === 'string' ? found : '0.0.0'
}
