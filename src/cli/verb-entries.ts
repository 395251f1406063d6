import { verbNames, verbs } from '#contracts'
import type { CommandShape, VerbDescription, VerbName } from '#contracts'
import { groupOf } from './command-entry.ts'
import type { CommandEntry, EntryArgument, EntryOption, Heading, IdKind, Line } from './command-entry.ts'
import { exitCodeOfKind, exitCodes } from './exit-codes.ts'
import { exitCodeOfHealth } from './run-health.ts'
import { membersOf } from './members.ts'
import type { Members } from './members.ts'
import { runVerb } from './run-verb.ts'
import { inputFromGiven } from './verb-input.ts'
import type { Given } from './verb-input.ts'

/** The commands that verbs are. Only those that are wanted get their help texts: they cost reading a schema each. */
export function verbEntries(isWanted: (command: string) => boolean): readonly CommandEntry[] {
  return verbNames.flatMap(name => {
    const verb: VerbDescription = verbs[name]
    const shape = verb.doors.cli
    return shape === undefined ? [] : [entryOfVerb(name, shape, isWanted(shape.command))]
  })
}

function entryOfVerb(name: VerbName, shape: CommandShape, isWanted: boolean): CommandEntry {
  const verb: VerbDescription = verbs[name]
  const members: Members = isWanted ? membersOf(verb.input) : new Map()
  return {
    name: shape.command,
    heading: headingOf[name] ?? (groupOf(shape.command) === null ? 'Turns and sessions' : 'Setting up'),
    summary: verb.summary,
    ...(shape.description === undefined ? {} : { description: shape.description }),
    arguments: argumentsOf(name, shape, members),
    options: [...optionsOf(name, shape, members), ...(ownOptions[name] ?? [])],
    ...(shape.examples === undefined ? {} : { examples: shape.examples }),
    ...(exitStatus[name] === undefined ? {} : { exitStatus: exitStatus[name] }),
    ...(failures[name] === undefined ? {} : { failures: failures[name] }),
    async run(session, line) {
      const input = await inputFromGiven({ shape, members: membersOf(verb.input) }, givenOf(shape, line), session.deps)
      return await runVerb(session, name, { input, isDetached: line.has('detach'), isWatching: line.has('watch') })
    },
  }
}

function argumentsOf(name: VerbName, shape: CommandShape, members: Members): readonly EntryArgument[] {
  return (shape.arguments ?? []).map(({ field, isOptional, takesRest }) => ({
    name: wordOf(field),
    help: members.get(field)?.help ?? '',
    isOptional: isOptional === true,
    ...idsOf(field, name),
    takesRest: takesRest === true,
  }))
}

function optionsOf(name: VerbName, shape: CommandShape, members: Members): readonly EntryOption[] {
  return Object.entries(shape.options ?? {}).map(([field, flags]) => {
    const member = members.get(field)
    const fallback = shape.fromContext?.[field] === 'cwd' ? 'the current directory' : member?.fallback
    return {
      flags,
      help: member?.help ?? '',
      ...idsOf(field, name),
      ...(member === undefined || member.choices.length === 0
        ? {}
        : { choices: member.choices, isCheckedLater: true as const }),
      ...(fallback === undefined ? {} : { fallback }),
    }
  })
}

function givenOf(shape: CommandShape, line: Line): Given {
  const words = (shape.arguments ?? []).map(({ field }) => [field, line.argument(wordOf(field))] as const)
  const options = Object.entries(shape.options ?? {}).map(
    ([field, flags]) => [field, line.option(longOf(flags))] as const,
  )
  return new Map(
    [...words, ...options].flatMap(([field, value]): (readonly [string, string | boolean | readonly string[]])[] => {
      if (Array.isArray(value)) return [[field, value.map(String)]]
      return typeof value === 'string' || typeof value === 'boolean' ? [[field, value]] : []
    }),
  )
}

/** What the ids of a member are of; where a turn has to run, only those that do. */
function idsOf(field: string, name: VerbName): { readonly ids?: IdKind } {
  if (field === 'session_id') return { ids: 'sessions' }
  if (field !== 'turn_id') return {}
  return { ids: ofOpenTurns.has(name) ? 'open-turns' : 'turns' }
}

const ofOpenTurns: ReadonlySet<VerbName> = new Set<VerbName>(['wait', 'steer', 'cancel'])

const wordOf = (field: string): string => field.replaceAll('_', '-')
const longOf = (flags: string): string => /--([\w-]+)/.exec(flags)?.[1] ?? ''

/** Where a verb's command stands in the program's help; the others are about turns and sessions. */
const headingOf: Readonly<Partial<Record<VerbName, Heading>>> = {
  settings: 'Setting up',
  status: 'The daemon',
  health: 'The daemon',
  log_level: 'The daemon',
}

/** Options that only the command has. */
const ownOptions: Readonly<Partial<Record<VerbName, readonly EntryOption[]>>> = {
  ask: [{ flags: '-d, --detach', help: 'print the id of the turn as soon as it is accepted, and leave it running' }],
  health: [{ flags: '-w, --watch', help: 'go on with what changes, until Ctrl-C' }],
}

const statusOfTurn: NonNullable<CommandEntry['exitStatus']> = [
  [exitCodes.ok, 'the turn completed'],
  [exitCodes.turnFailed, 'the turn failed, or completed with an error'],
  [exitCodes.stillRunning, 'the turn still runs: come back with `tandem wait`; or Tandem is busy'],
  [exitCodes.interrupted, 'left or cancelled with Ctrl-C, or the turn was interrupted'],
]

const exitStatus: Readonly<Partial<Record<VerbName, CommandEntry['exitStatus']>>> = {
  ask: [...statusOfTurn, [exitCodes.ok, 'the turn completed; with --detach: it is accepted']],
  wait: statusOfTurn,
  result: statusOfTurn,
  health: [
    [exitCodes.ok, 'everything is healthy'],
    [exitCodeOfHealth.degraded, 'it works, and a part is not as it should be'],
    [exitCodeOfHealth.down, 'it does not run, or cannot do its work; or wrong arguments'],
  ],
  policy_test: [
    [exitCodes.ok, 'it would be allowed'],
    [exitCodeOfKind.denied, 'it would be refused; or one may not ask'],
  ],
}

/** Those of commands that start no daemon: no failed start is theirs, and they look for nothing by its name. */
const failures: Readonly<Partial<Record<VerbName, NonNullable<CommandEntry['failures']>>>> = {
  status: ['unavailable', 'conflict', 'busy', 'denied', 'timeout'],
  log_level: ['unavailable', 'conflict', 'busy', 'denied', 'timeout'],
  // That there is no daemon, or one may not reach it, is its answer.
  health: ['conflict', 'busy', 'timeout'],
}
