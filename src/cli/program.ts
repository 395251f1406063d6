import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { groupOf, optionsOf } from './command-entry.ts'
import type { CommandEntry, EntryArgument, EntryOption, Line } from './command-entry.ts'
import { exitCodes } from './exit-codes.ts'
import { pageOfCommand, pageOfGroup, wordOfArgument } from './help-page.ts'
import { programHelp, writtenPage } from './help-text.ts'
import type { Session } from './session.ts'

export interface Program {
  readonly command: Command
  /** Of the command that ran. */
  exitCode(): number
}

/** The parser of the whole command line. */
export function buildProgram(session: Session, entries: readonly CommandEntry[]): Program {
  let exitCode: number = exitCodes.ok
  const program = emptyProgram(session, () => programHelp(entries, session.out))
  const parentOf = (group: string | null): Command => {
    if (group === null) return program
    const there = program.commands.find(command => command.name() === group)
    return there ?? withHelp(program.command(group), () => writtenPage(pageOfGroup(group, entries), session.out))
  }
  for (const entry of entries) {
    const command = parentOf(groupOf(entry.name)).command(entry.name.split(' ').at(-1) ?? '')
    for (const argument of entry.arguments ?? []) command.addArgument(argumentOf(argument))
    for (const option of optionsOf(entry)) command.addOption(optionOf(option))
    withHelp(command, () => writtenPage(pageOfCommand(entry, entries), session.out)).action(async () => {
      exitCode = await entry.run(session, lineOf(command, entry))
    })
  }
  return { command: program, exitCode: () => exitCode }
}

/** Failures are thrown, not printed: `show-error` prints all of them alike. */
function emptyProgram({ out, err }: Session, help: () => string): Command {
  const program = new Command('tandem')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      outputError: () => undefined,
      // What is written is painted already, for this very output.
      getOutHasColors: () => true,
    })
    .option('-V, --version', 'print the version')
  return withHelp(program, help)
}

const withHelp = (command: Command, help: () => string): Command => command.configureHelp({ formatHelp: help })

function argumentOf(argument: EntryArgument): Argument {
  const known = new Argument(wordOfArgument(argument))
  const { choices } = argument
  if (choices === undefined) return known
  // What is said of commander's own code `invalidArgument` is put behind words of parsers, not of people.
  return known.argParser((value: string) => {
    if (choices.includes(value)) return value
    throw new CommanderError(
      2,
      'tandem.noSuchChoice',
      `'${value}' is no ${argument.name}: it is one of ${choices.join(', ')}`,
    )
  })
}

/**
 * `<file...>` becomes an option to be repeated: commander's own list would swallow the words that follow,
 * so that `--image shot.png "what is this?"` had two images and no prompt.
 */
function optionOf({ flags, choices, isCheckedLater, parse }: EntryOption): Option {
  const valueOf = (text: string): unknown => {
    if (isCheckedLater !== true && choices?.includes(text) === false)
      throw new InvalidArgumentError(`it is one of ${choices.join(', ')}`)
    return parse === undefined ? text : parse(text)
  }
  if (!flags.includes('<')) return new Option(flags)
  if (!flags.includes('...>')) return new Option(flags).argParser(valueOf)
  const more = (text: string, before: unknown): readonly unknown[] => [
    ...(Array.isArray(before) ? before : []),
    valueOf(text),
  ]
  return new Option(flags.replace('...>', '>')).argParser(more)
}

/** What commander has parsed, by the names of the entry. */
function lineOf(command: Command, entry: CommandEntry): Line {
  const valueOf = (name: string): unknown => {
    const option = command.options.find(one => one.name() === name)
    return option === undefined ? undefined : command.getOptionValue(option.attributeName())
  }
  return {
    argument(name) {
      const value: unknown =
        command.processedArgs[(entry.arguments ?? []).findIndex(argument => argument.name === name)]
      if (Array.isArray(value)) return value.length === 0 ? undefined : value.join(' ')
      return typeof value === 'string' ? value : undefined
    },
    option: valueOf,
    text(name) {
      const value = valueOf(name)
      return typeof value === 'string' ? value : undefined
    },
    has: name => valueOf(name) === true,
  }
}
