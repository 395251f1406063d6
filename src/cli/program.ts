import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { verbNames, verbs } from '#contracts'
import type { VerbDescription, VerbName } from '#contracts'
import { completionScript, shells } from './completion.ts'
import type { CompletedCommand, FlagValues, Shell } from './completion.ts'
import { runDown, runLogs, runUp } from './daemon-commands.ts'
import { addDerivedCommand } from './derived-command.ts'
import type { OwnOption } from './derived-command.ts'
import { exitCodes, exitCodesHelp } from './exit-codes.ts'
import { membersOf } from './members.ts'
import { jsonLine } from './plain-text.ts'
import { runVerb } from './run-verb.ts'
import type { Session } from './session.ts'
import { inputFromGiven } from './verb-input.ts'

export interface Program {
  readonly command: Command
  /** Of the command that ran. */
  exitCode(): number
}

/** The whole command line. Only commands that `argv` mentions get their help texts: they cost reading a schema each. */
export function buildProgram(session: Session, argv: readonly string[]): Program {
  let exitCode: number = exitCodes.ok
  const running =
    (run: (command: Command) => Promise<number> | number) =>
    async (...given: readonly unknown[]): Promise<void> => {
      const command = given.at(-1)
      if (command instanceof Command) exitCode = await run(command)
    }
  const program = emptyProgram(session)
  addVerbs(program, { session, argv, running })
  addDaemonCommands(program, session, running)
  addOwnCommands(program, session, running)
  return { command: program, exitCode: () => exitCode }
}

type Running = (run: (command: Command) => Promise<number> | number) => (...given: readonly unknown[]) => Promise<void>

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

function addVerbs(
  program: Command,
  deps: { readonly session: Session; readonly argv: readonly string[]; readonly running: Running },
): void {
  const { session, argv, running } = deps
  program.commandsGroup('Turns and sessions:')
  for (const name of verbNames) {
    const verb: VerbDescription = verbs[name]
    const shape = verb.doors.cli
    if (shape === undefined) continue
    const isWanted = argv.includes(shape.command)
    const derived = addDerivedCommand(program, verb, { shape, isWanted, own: [...(ownOptions[name] ?? []), asJson] })
    const run = async (): Promise<number> => {
      const members = membersOf(verb.input)
      const input = await inputFromGiven({ shape, members }, derived.given(), session.deps)
      return await runVerb(session, name, { input, isDetached: derived.has('detach') })
    }
    derived.command.action(running(run))
  }
}

function addDaemonCommands(program: Command, session: Session, running: Running): void {
  program.commandsGroup('The daemon:')
  add(program, 'up', 'start the daemon unless it runs')
    .option('--foreground', 'run it in this terminal until it is stopped')
    .action(running(command => runUp(session, { foreground: command.getOptionValue('foreground') === true })))
  add(program, 'down', 'stop the daemon; running turns get time to end, then go on at the next start').action(
    running(() => runDown(session)),
  )
  add(program, 'logs', 'show the end of its log')
    .option('-f, --follow', 'go on with new lines until Ctrl-C')
    .addOption(new Option('-n, --lines <count>', 'how many lines (default: 50)').argParser(parseLines))
    .action(
      running(command => {
        const lines: unknown = command.getOptionValue('lines')
        const follow = command.getOptionValue('follow') === true
        return runLogs(session, { lines: typeof lines === 'number' ? lines : 50, follow })
      }),
    )
}

/** `demo` never gets here: it is passed on before anything is parsed. It stands in the help and in completion. */
function addOwnCommands(program: Command, session: Session, running: Running): void {
  const { deps, out, isJson } = session
  program.commandsGroup('More:')
  program
    .command('mcp')
    .summary(summaries.mcp)
    .description(summaries.mcp)
    .action(running(() => deps.local.mcp()))
  program
    .command('demo')
    .summary(summaries.demo)
    .description(summaries.demo)
    .option('--keep', 'leave its folder, to look at')
    .option(asJson.flags, asJson.help)
    .action(running(() => deps.local.demo([])))
  add(program, 'completion', 'print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which one').choices(shells))
    .action(
      running(command => {
        const script = completionScript(shellOf(command.processedArgs[0]), completedCommands(program))
        out.write(isJson ? `${jsonLine({ script })}\n` : script)
        return exitCodes.ok
      }),
    )
  add(program, 'version', 'print the version').action(
    running(() => {
      out.line(isJson ? jsonLine({ version: deps.version }) : `tandem ${deps.version}`)
      return exitCodes.ok
    }),
  )
  program.command('help').summary('show help, of one command if it is named').argument('[command]', 'which one')
}

const summaries = {
  mcp: 'serve MCP on stdin and stdout, for Claude Code',
  demo: 'show Claude Code and Codex at work with a scripted model, offline',
} as const

const add = (program: Command, name: string, summary: string): Command =>
  program.command(name).summary(summary).description(summary).option(asJson.flags, asJson.help)

function parseLines(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('it is a whole number from 0 to 999999')
}

function completedCommands(program: Command): readonly CompletedCommand[] {
  const values = new Map(verbNames.flatMap(name => flagValuesOf(verbs[name])))
  return program.commands.map(command => ({
    name: command.name(),
    summary: command.summary(),
    flags: command.options.flatMap(({ short, long }) => [short, long].filter(flag => flag !== undefined)),
    values: values.get(command.name()) ?? [],
  }))
}

/** For a verb's command, if it has one, each flag whose values its schema lists. */
function flagValuesOf({ input, doors }: VerbDescription): readonly (readonly [string, readonly FlagValues[]])[] {
  if (doors.cli === undefined) return []
  const members = membersOf(input)
  const values = Object.entries(doors.cli.options ?? {}).flatMap(([field, flags]) => {
    const choices = members.get(field)?.choices ?? []
    if (choices.length === 0) return []
    return (flags.match(/--?[\w-]+(?=[ ,])/g) ?? []).map(flag => ({ flag, values: choices }))
  })
  return [[doors.cli.command, values]]
}

/** Commander has checked the choice. */
const shellOf = (text: unknown): Shell => shells.find(shell => shell === text) ?? 'bash'

const asJson: OwnOption = { flags: '--json', help: 'answer in JSON, one object a line, errors too' }

const ownOptions: Readonly<Partial<Record<VerbName, readonly OwnOption[]>>> = {
  ask: [{ flags: '-d, --detach', help: 'print the id of the turn as soon as it is accepted, and leave it running' }],
}
