import { Option } from 'commander'
import type { Command } from 'commander'
import type { CommandShape, VerbDescription } from '#contracts'
import { membersOf } from './members.ts'
import type { Members } from './members.ts'
import type { Given } from './verb-input.ts'

/** Options that only the command line has. */
export interface OwnOption {
  readonly flags: string
  readonly help: string
}

export interface DerivedCommand {
  readonly command: Command
  /** What was given on the line, by the verb's member; valid once the command runs. */
  given(): Given
  /** Whether one of the command's own options was given, by its name as in `--name`. */
  has(name: string): boolean
}

/** Adds a verb's command to the program. With `isWanted` it gets the help texts, too, which cost reading the schema. */
export function addDerivedCommand(
  program: Command,
  verb: VerbDescription,
  options: { readonly shape: CommandShape; readonly isWanted: boolean; readonly own?: readonly OwnOption[] },
): DerivedCommand {
  const { shape } = options
  const members: Members = options.isWanted ? membersOf(verb.input) : new Map()
  const command = program.command(shape.command).summary(verb.summary).description(verb.summary)
  for (const argument of shape.arguments ?? []) {
    const name = `${wordOf(argument.field)}${argument.takesRest === true ? '...' : ''}`
    command.argument(argument.isOptional === true ? `[${name}]` : `<${name}>`, members.get(argument.field)?.help ?? '')
  }
  const fields = Object.entries(shape.options ?? {}).map(([field, flags]) => {
    const here = shape.fromContext?.[field] === 'cwd' ? ' (default: the current directory)' : ''
    const option = optionOf(flags, `${members.get(field)?.help ?? ''}${here}`)
    command.addOption(option)
    return { field, key: option.attributeName() }
  })
  for (const own of options.own ?? []) command.option(own.flags, own.help)
  if (shape.examples !== undefined) command.addHelpText('after', examplesText(shape.examples))
  return {
    command,
    given: () => new Map([...givenArguments(command, shape), ...givenOptions(command, fields)]),
    has: name => command.opts()[name] === true,
  }
}

/**
 * `<file...>` becomes an option to be repeated: commander's own list would swallow the words that follow,
 * so that `--image shot.png "what is this?"` had two images and no prompt.
 */
function optionOf(flags: string, help: string): Option {
  if (!flags.includes('...>')) return new Option(flags, help)
  const more = (value: string, before: unknown): readonly unknown[] => [...(Array.isArray(before) ? before : []), value]
  return new Option(flags.replace('...>', '>'), `${help}; may be repeated`).argParser(more)
}

function givenArguments(command: Command, shape: CommandShape): readonly (readonly [string, string])[] {
  return (shape.arguments ?? []).flatMap((argument, at): (readonly [string, string])[] => {
    const value: unknown = command.processedArgs[at]
    if (Array.isArray(value)) return value.length === 0 ? [] : [[argument.field, value.join(' ')]]
    return typeof value === 'string' ? [[argument.field, value]] : []
  })
}

function givenOptions(
  command: Command,
  fields: readonly { readonly field: string; readonly key: string }[],
): readonly (readonly [string, string | boolean | readonly string[]])[] {
  return fields.flatMap(({ field, key }): (readonly [string, string | boolean | readonly string[]])[] => {
    const value: unknown = command.getOptionValue(key)
    if (Array.isArray(value)) return [[field, value.map(String)]]
    return typeof value === 'string' || typeof value === 'boolean' ? [[field, value]] : []
  })
}

const wordOf = (field: string): string => field.replaceAll('_', '-')
const examplesText = (examples: readonly string[]): string =>
  `\nExamples:\n${examples.map(line => `  ${line}`).join('\n')}`
