import { lstat, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface Followed {
  readonly real: string
  /** Each link on the way, and each directory that a `..` leaves: whoever can replace one of them decides where it leads to. */
  readonly turns: readonly string[]
}

/** As many as Linux follows. */
const maxLinks = 40

/** Where an absolute path leads to, and over which links: those of its directories and of what they lead to as well. */
export async function followLinks(path: string): Promise<Followed> {
  const turns: string[] = []
  const left = path.split('/')
  let at = '/'
  let links = 0
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue
    if (part === '..') {
      turns.push(at)
      at = dirname(at)
      continue
    }
    const next = join(at, part)
    if (!(await lstat(next)).isSymbolicLink()) {
      at = next
      continue
    }
    links += 1
    if (links > maxLinks) throw Object.assign(new Error(`more than ${maxLinks} links`), { code: 'ELOOP' })
    turns.push(next)
    const target = await readlink(next)
    left.unshift(...target.split('/'))
    if (target.startsWith('/')) at = '/'
  }
  return { real: at, turns }
}
