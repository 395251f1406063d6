import { dirname } from 'node:path'

/** `directory` itself first, the root last. */
export function directoriesUpFrom(directory: string): readonly string[] {
  const directories = [directory]
  for (let at = directory; dirname(at) !== at; at = dirname(at)) directories.push(dirname(at))
  return directories
}
