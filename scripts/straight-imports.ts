import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The face of a room loads all of the room: whoever wants one name of `#contracts` would get, and run, every schema there is.
 * In the bundle an import goes straight to the file that has the name, so a command loads only what it uses.
 */
export function straightImports(sourceDir: string): (text: string) => string {
  const faces = new Map<string, ReadonlyMap<string, string>>()
  const faceOf = (room: string): ReadonlyMap<string, string> => {
    const known = faces.get(room)
    if (known !== undefined) return known
    const index = join(sourceDir, room, 'index.ts')
    const face = existsSync(index) ? filesOfNames(readFileSync(index, 'utf8'), join(sourceDir, room)) : new Map()
    faces.set(room, face)
    return face
  }
  return text =>
    text.replace(importOfRoom, (whole: string, names: string, room: string) => straight(names, faceOf(room)) ?? whole)
}

/** Null when a name is not simply passed on by the face: then the import stays as it is. Types are gone in the bundle anyway. */
function straight(names: string, face: ReadonlyMap<string, string>): string | null {
  const imports: string[] = []
  for (const part of names.split(',').map(one => one.trim())) {
    if (part === '' || part.startsWith('type ')) continue
    const file = face.get(part.split(/\s+as\s+/)[0] ?? '')
    if (file === undefined) return null
    imports.push(`import { ${part} } from ${JSON.stringify(file)}`)
  }
  return imports.join('; ')
}

/** Name -> absolute path, of what an index passes on under its own name. */
function filesOfNames(index: string, directory: string): ReadonlyMap<string, string> {
  const exported = [...index.matchAll(/^export \{([^}]*)\} from '\.\/([^']+)'/gm)]
  return new Map(
    exported.flatMap(([, names = '', file = '']) =>
      names
        .split(',')
        .map(name => name.trim())
        .filter(name => /^\w+$/.test(name))
        .map(name => [name, join(directory, file)] as const),
    ),
  )
}

/** As our formatter writes it; an import of types alone has no braces after `import`. */
const importOfRoom = /^import \{([^}]*)\} from '#([\w-]+)'/gm
