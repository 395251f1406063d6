import { readFile } from 'node:fs/promises'

/** The variables of a process that have a value, by name alone; undefined where the system does not tell (no /proc). */
export async function environmentNamesOf(pid: number): Promise<ReadonlySet<string> | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/environ`, 'utf8')
    return namesIn(text.split('\0').map(line => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]))
  } catch {
    // It has ended meanwhile, or this system has no /proc.
    return undefined
  }
}

export function namesIn(entries: readonly (readonly [string, string | undefined])[]): ReadonlySet<string> {
  return new Set(entries.flatMap(([name, value]) => (name !== '' && value !== undefined && value !== '' ? [name] : [])))
}
