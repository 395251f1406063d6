import { AppError } from '#kernel'

/** A directory of ours that others could read or replace. `cure` is a command or what to set. */
export const directoryUnsafe = (path: string, problem: string, cure: string): AppError =>
  new AppError('DIRECTORY_UNSAFE', 'denied', `${path} ${problem}`, { hint: cure, data: { path, problem } })

export const directoryUnwritable = (
  path: string,
  { cause, reason, cure }: { readonly cause: unknown; readonly reason: string; readonly cure: string },
): AppError =>
  new AppError('DIRECTORY_UNWRITABLE', 'unavailable', `${path} cannot be made: ${reason}`, {
    hint: cure,
    data: { path },
    cause,
  })
