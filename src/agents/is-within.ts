import { isAbsolute, relative, sep } from 'node:path'

/** `directory` itself and all below it. Both are real paths, so links, `..` and letter case are settled. */
export function isWithin(directory: string, path: string): boolean {
  const way = relative(directory, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}
