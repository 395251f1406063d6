import { closeSync, constants, fchmodSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { messageOf } from '#kernel'

/** Lines to a file that never grows beyond `maxBytes`; two older ones are kept beside it as `.1` and `.2`. */
export interface RotatingFile extends Disposable {
  write(line: string): void
}

/** `fallback` gets the lines that the file does not take (full disk, removed directory), so that nothing is lost in silence. */
export function openRotatingFile(options: {
  readonly file: string
  readonly maxBytes: number
  readonly fallback: (line: string) => void
}): RotatingFile {
  const { file, maxBytes, fallback } = options
  let isClosed = false
  let hasComplained = false
  let open: OpenFile | undefined = tryOpen()

  /** Called again for each line as long as it fails: a full disk or a missing directory passes. */
  function tryOpen(): OpenFile | undefined {
    try {
      const opened = openPrivate(file)
      hasComplained = false
      return opened
    } catch (error) {
      const complaint = { level: 'warn', msg: 'the log file cannot be opened', file, reason: messageOf(error) }
      if (!hasComplained) fallback(`${JSON.stringify(complaint)}\n`)
      hasComplained = true
      return undefined
    }
  }

  function rotate(full: OpenFile): void {
    closeSync(full.fd)
    open = undefined
    rmSync(`${file}.2`, { force: true })
    renameIfThere(`${file}.1`, `${file}.2`)
    renameIfThere(file, `${file}.1`)
    open = tryOpen()
  }

  return {
    write(line) {
      // After close (a late callback) and without a file the line still goes somewhere.
      if (isClosed) return fallback(line)
      open ??= tryOpen()
      if (open === undefined) return fallback(line)
      const bytes = Buffer.from(line)
      try {
        if (open.size > 0 && open.size + bytes.length > maxBytes) rotate(open)
        if (open === undefined) return fallback(line)
        writeWhole(open.fd, bytes)
        open.size += bytes.length
      } catch {
        // A full disk must not stop the daemon; the line is not lost, and the next one tries the file again.
        fallback(line)
      }
    },
    [Symbol.dispose]() {
      isClosed = true
      if (open !== undefined) closeSync(open.fd)
      open = undefined
    },
  }
}

interface OpenFile {
  readonly fd: number
  size: number
}

function openPrivate(file: string): OpenFile {
  const fd = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  fchmodSync(fd, 0o600)
  return { fd, size: fstatSync(fd).size }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch {
    // Nothing to set aside: the file was removed by somebody, or there was no older one yet.
  }
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset)
}
