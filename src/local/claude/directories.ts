import { lstat, mkdir, rmdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCodeOf } from '#kernel'

/** Those of the paths and of what is above them that are not there, the outer ones first. */
export async function missingDirectories(paths: readonly string[]): Promise<readonly string[]> {
  const missing = new Set<string>()
  for (const path of new Set(paths)) for (const one of await missingAbove(path)) missing.add(one)
  return [...missing]
}

export async function makeDirectories(paths: readonly string[]): Promise<void> {
  for (const path of paths) await mkdir(path).catch((error: unknown) => ignore(error, 'EEXIST'))
}

/** The inner ones first. What the user has put there since keeps one. */
export async function removeEmptyDirectories(paths: readonly string[]): Promise<void> {
  for (const path of paths.toReversed())
    await rmdir(path).catch((error: unknown) => ignore(error, 'ENOTEMPTY', 'ENOENT', 'EEXIST'))
}

async function missingAbove(path: string): Promise<readonly string[]> {
  try {
    await lstat(path)
    return []
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT' || dirname(path) === path) return []
    return [...(await missingAbove(dirname(path))), path]
  }
}

function ignore(error: unknown, ...codes: readonly string[]): void {
  if (!codes.includes(systemCodeOf(error) ?? '')) throw error
}
