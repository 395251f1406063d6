import { AppError } from '#kernel'

/** A directory of ours that others could read or replace. `cure` is a command or what to set. */
export const directoryUnsafe = (path: string, problem: string, cure: string): AppError =>
  new AppError('DIRECTORY_UNSAFE', 'denied', `${path} ${problem}`, { hint: cure, data: { path, problem } })

export const directoryUnwritable = (path: string, cause: unknown, reason: string): AppError =>
  new AppError('DIRECTORY_UNWRITABLE', 'unavailable', `${path} cannot be made: ${reason}`, {
    hint: 'make its parent writable, or set TANDEM_STATE_DIR and TANDEM_RUNTIME_DIR to directories that are',
    data: { path },
    cause,
  })
