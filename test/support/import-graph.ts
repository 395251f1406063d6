import type { Import, SourceFile } from './source.ts'

/** The package that an import is of. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Every one of the files that is loaded when the entries are. */
export function closureOf(
  files: readonly SourceFile[],
  entries: readonly string[],
  kinds: readonly Import['kind'][],
): readonly string[] {
  const byPath = new Map(files.map(file => [file.path, file]))
  const reached = new Set<string>()
  const open = [...entries]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    const imports = byPath.get(path)?.imports ?? []
    open.push(...imports.filter(({ kind }) => kinds.includes(kind)).flatMap(({ target }) => target ?? []))
  }
  return [...reached]
}

/** The first cycle found, as the way around it; empty when there is none. */
export function cycleIn(next: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const visit = (node: string, way: readonly string[]): readonly string[] => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node]
    if (done.has(node)) return []
    for (const other of next.get(node) ?? []) {
      const cycle = visit(other, [...way, node])
      if (cycle.length > 0) return cycle
    }
    done.add(node)
    return []
  }
  for (const node of next.keys()) {
    const cycle = visit(node, [])
    if (cycle.length > 0) return cycle
  }
  return []
}
