import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'

// npm links the commands of dependencies only; a checkout wants its own beside them (npm scripts, `npx tandem`).
// As `postprepare`: npm runs that in a checkout, too, but does not warn about it where the package is installed, as with `prepare`.
const binDir = resolve(import.meta.dirname, '../node_modules/.bin')
mkdirSync(binDir, { recursive: true })
for (const name of ['tandem', 'claude-codex']) {
  rmSync(join(binDir, name), { force: true })
  symlinkSync(join('../../bin', name), join(binDir, name))
}
