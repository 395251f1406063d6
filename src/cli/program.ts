import { Argument, Command, Option } from 'commander'
import { groupOf, groupSummaries, optionsOf } from './command-entry.ts'
import type { CommandEntry, EntryArgument, EntryOption, Line } from './command-entry.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import type { Session } from './session.ts'

export interface Program {
  readonly command: Command
  /** Of the command that ran. */
  exitCode(): number
}

/** The parser of the whole command line. */
export function buildProgram(session: Session, entries: readonly CommandEntry[]): Program {
  let exitCode: number = exitCodes.ok
  const program = emptyProgram(session)
  for (const entry of entries) {
    const parent = parentOf(program, entry)
    parent.commandsGroup(`${parent === program ? entry.heading : 'Commands'}:`)
    const command = parent.command(entry.name.split(' ').at(-1) ?? '')
    describe(command, entry)
    command.action(async () => {
      exitCode = await entry.run(session, lineOf(command, entry))
    })
  }
  return { command: program, exitCode: () => exitCode }
}

/** Failures are thrown, not printed: `show-error` prints all of them alike. */
function emptyProgram({ out, err }: Session): Command {
  return new Command('tandem')
    .description('Claude Code and Codex as one team: a daemon that owns Codex durably, and this command line over it')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      outputError: () => undefined,
      getOutHelpWidth: out.columns,
      getOutHasColors: () => false,
    })
    .option('-V, --version', 'print the version')
    .addHelpText('after', `\nSee \`tandem help <command>\` for a command's options.\n\n${exitCodesHelp}`)
}

/** The program, or the group that the first of two words is; made when its first command comes. */
function parentOf(program: Command, entry: CommandEntry): Command {
  const group = groupOf(entry.name)
  if (group === null) return program
  const there = program.commands.find(command => command.name() === group)
  if (there !== undefined) return there
  const summary = groupSummaries[group] ?? ''
  return program.commandsGroup(`${entry.heading}:`).command(group).summary(summary).description(summary)
}

function describe(command: Command, entry: CommandEntry): void {
  command.summary(entry.summary).description(entry.summary)
  for (const argument of entry.arguments ?? []) command.addArgument(argumentOf(argument))
  for (const option of optionsOf(entry)) command.addOption(optionOf(option))
  if (entry.examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${entry.examples.map(line => `  ${line}`).join('\n')}`)
}

function argumentOf({ name, help, isOptional, takesRest, choices }: EntryArgument): Argument {
  const word = `${name}${takesRest === true ? '...' : ''}`
  const argument = new Argument(isOptional === true ? `[${word}]` : `<${word}>`, help)
  return choices === undefined ? argument : argument.choices(choices)
}

/**
 * `<file...>` becomes an option to be repeated: commander's own list would swallow the words that follow,
 * so that `--image shot.png "what is this?"` had two images and no prompt.
 */
function optionOf({ flags, help, choices = [], fallback, parse }: EntryOption): Option {
  const facts = [
    ...(choices.length === 0 ? [] : [choices.join(', ')]),
    ...(fallback === undefined ? [] : [`default: ${fallback}`]),
  ]
  const text = [help, ...(facts.length === 0 ? [] : [`(${facts.join('; ')})`])].filter(part => part !== '').join(' ')
  if (!flags.includes('...>')) {
    const option = new Option(flags, text)
    return parse === undefined ? option : option.argParser(parse)
  }
  const more = (value: string, before: unknown): readonly unknown[] => [...(Array.isArray(before) ? before : []), value]
  return new Option(flags.replace('...>', '>'), `${text}; may be repeated`).argParser(more)
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
