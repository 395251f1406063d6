import { AppError, messageOf, systemCodeOf } from '#kernel'

/** `group` is the first word when there are commands that begin with it: then the second is the unknown one. */
export function unknownCommand(line: {
  readonly words: readonly string[]
  readonly similar: string | null
  readonly group: string | null
  /** Whether it was asked what the command does: so is the one that is meant. */
  readonly isHelp: boolean
}): AppError {
  const { similar, group, isHelp } = line
  const name = line.words.slice(0, group === null ? 1 : 2).join(' ')
  const before = ['tandem', ...(isHelp ? ['help'] : []), ...(group === null ? [] : [group])].join(' ')
  const meant = similar?.split(', ').map(one => `\`${before} ${one}\``)
  const hint = meant === undefined ? seeHelp(group) : `did you mean ${meant.join(' or ')}?`
  return new AppError('CLI_UNKNOWN_COMMAND', 'invalid', `there is no command "${name}"`, {
    hint,
    data: { name, similar },
  })
}

const seeHelp = (group: string | null): string =>
  group === null ? 'see `tandem help` for all commands' : `see \`tandem help ${group}\` for what there is`

/** Wrong options or number of arguments; `problem` names what. */
export const usageWrong = (problem: string, similar: string | null, command: string | null): AppError =>
  new AppError('CLI_USAGE', 'invalid', problem, {
    hint: [
      ...(similar === null ? [] : [`did you mean ${similar}?`]),
      `see \`tandem help${command === null ? '' : ` ${command}`}\` for what it takes`,
    ].join(' '),
    data: { command },
  })

/** Which option named a file: the verb's member, and the flag that a person knows. */
export interface FileOption {
  readonly field: string
  readonly flag: string
}

export function fileUnreadable(option: FileOption, path: string, cause: unknown): AppError {
  const systemCode = systemCodeOf(cause)
  const kind = systemCode === 'ENOENT' ? 'missing' : 'invalid'
  const reason = systemCode === 'ENOENT' ? 'there is no such file' : messageOf(cause)
  return new AppError('CLI_FILE_UNREADABLE', kind, `cannot read ${path} for ${option.flag}: ${reason}`, {
    hint: 'give the path of a readable file; a relative one starts at the current directory',
    data: { member: option.field, path, systemCode },
    cause,
  })
}

export const fileNotJson = (option: FileOption, path: string, cause: unknown): AppError =>
  new AppError('CLI_FILE_NOT_JSON', 'invalid', `${path} for ${option.flag} is not JSON: ${messageOf(cause)}`, {
    hint: 'give a file with one JSON object',
    data: { member: option.field, path },
    cause,
  })

export const outputFailed = (cause: Error): AppError =>
  new AppError('CLI_OUTPUT_FAILED', 'unavailable', `cannot write the output: ${cause.message}`, {
    hint: 'look at where the output goes: a full disk, a closed terminal',
    cause,
  })
