import { randomBytes } from 'node:crypto'
import { lstat, mkdir, open, readFile, realpath, rename, rm, rmdir, stat } from 'node:fs/promises'
import { messageOf, sleep, systemCodeOf } from '#kernel'
import { claudeFileBusy, claudeFileUnreadable, claudeFileUnwritable } from './errors.ts'
import type { Clock } from '#kernel'

/** The text of a JSON file of Claude Code with an object at its top; undefined when there is none. CLAUDE_FILE_UNREADABLE. */
export async function readClaudeFile(file: string): Promise<string | undefined> {
  const text = await textOf(file)
  if (text === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return text
  } catch (error) {
    throw claudeFileUnreadable(file, messageOf(error), error)
  }
  throw claudeFileUnreadable(file, 'it has no JSON object at its top', undefined)
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw claudeFileUnreadable(file, messageOf(error), error)
  }
}

/**
 * Changes the file while no Claude Code does: under the lock that it takes itself (2.1.329: the directory `<file>.lock`, void after 10 s), and
 * as a whole, through a link to where it leads, with the mode that it has. `change` gets the text as it is then; undefined for no file, and
 * undefined as its answer removes it.
 */
export async function changeClaudeFile(
  file: string,
  clock: Clock,
  change: (text: string | undefined) => string | undefined,
): Promise<void> {
  const real = await realpath(file).catch(() => file)
  await using _lock = await lockFile(file, clock)
  const before = await readClaudeFile(real)
  const after = change(before)
  if (after === before) return
  try {
    if (after === undefined) await rm(real)
    else await replaceFile(real, after)
  } catch (error) {
    throw claudeFileUnwritable(file, messageOf(error), error)
  }
}

/** Half a file is never seen; others may read it if they could before. */
export async function replaceFile(file: string, content: string | Buffer, newMode = 0o600): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}.tmp`
  const mode = await stat(file).then(
    found => found.mode & 0o777,
    () => undefined,
  )
  try {
    const opened = await open(draft, 'wx', mode ?? newMode)
    try {
      await opened.writeFile(content)
      if (mode !== undefined) await opened.chmod(mode)
    } finally {
      await opened.close()
    }
    await rename(draft, file)
  } catch (error) {
    await rm(draft, { force: true })
    throw error
  }
}

async function lockFile(file: string, clock: Clock): Promise<AsyncDisposable> {
  const lock = `${file}.lock`
  const until = clock.monotonic() + lockWaitMs
  for (;;) {
    try {
      await mkdir(lock)
      return { [Symbol.asyncDispose]: () => rmdir(lock).catch(() => undefined /* somebody found it void */) }
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw claudeFileUnwritable(file, messageOf(error), error)
    }
    const held = await lstat(lock).catch(() => undefined)
    if (held !== undefined && clock.now() - held.mtimeMs > staleMs) await rmdir(lock).catch(() => undefined)
    if (clock.monotonic() > until) throw claudeFileBusy(file, lock)
    await sleep(50)
  }
}

const lockWaitMs = 5000
const staleMs = 10_000
