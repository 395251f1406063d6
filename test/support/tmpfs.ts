import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A small disk of its own at `path`, for us alone. Disposing takes it away, whatever is still open on it. */
export function mountTmpfs(path: string, size: string): Disposable {
  mkdirSync(path, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0700`, 'none', path], { stdio: 'pipe' })
  return { [Symbol.dispose]: () => void execFileSync('umount', ['-l', path], { stdio: 'pipe' }) }
}

/** Only as root, and where mounting is allowed: a test that needs it is reported as not run elsewhere. */
export function canMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'tandem-mount-'))
  try {
    using _disk = mountTmpfs(place, '1m')
    return true
  } catch {
    return false
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}
