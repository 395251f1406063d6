import { CommanderError } from 'commander'
import type { CommandEntry } from './command-entry.ts'
import { allEntries, namedBy } from './commands.ts'
import type { CliDeps } from './deps.ts'
import { outputFailed, unknownCommand, usageWrong } from './errors.ts'
import { exitCodes } from './exit-codes.ts'
import { openOutput } from './output.ts'
import { buildProgram } from './program.ts'
import type { Session } from './session.ts'
import { showError } from './show-error.ts'

/**
 * Runs one command line (`argv` without node and script) and resolves to its exit code; never rejects. Everything is
 * written when it resolves. `--version` is answered by the program that calls this, before it loads us.
 */
export function runCli(argv: readonly string[], deps: CliDeps): Promise<number> {
  const isWanted = (name: string): boolean => name.split(' ').every(word => argv.includes(word))
  return runCommandOf(allEntries(isWanted), argv, deps)
}

/** The same with commands of the caller's choice. */
export async function runCommandOf(
  entries: readonly CommandEntry[],
  argv: readonly string[],
  deps: CliDeps,
): Promise<number> {
  using out = openOutput(deps.stdout, deps.environment)
  using err = openOutput(deps.stderr, deps.environment)
  const session: Session = { deps, out, err, isJson: wantsJson(argv) }
  const code = await dispatch(session, entries, argv).catch((error: unknown) => showError(session, error))
  await Promise.all([out.flush(), err.flush()])
  const failure = out.failure()
  if (failure === 'reader-left') return exitCodes.readerLeft
  if (failure === null) return code
  const failed = showError({ ...session, isJson: false }, outputFailed(failure))
  await err.flush()
  return failed
}

/** A failure before there was a command line to run, said as those of a command are; its exit code. */
export async function failCli(
  argv: readonly string[],
  { stdout, stderr, environment }: Pick<CliDeps, 'stdout' | 'stderr' | 'environment'>,
  error: unknown,
): Promise<number> {
  using out = openOutput(stdout, environment)
  using err = openOutput(stderr, environment)
  const code = showError({ out, err, isJson: wantsJson(argv) }, error)
  await Promise.all([out.flush(), err.flush()])
  return code
}

async function dispatch(session: Session, entries: readonly CommandEntry[], argv: readonly string[]): Promise<number> {
  const passedOn = passOn(session, argv)
  if (passedOn !== null) return await passedOn
  const program = buildProgram(session, entries)
  const line = lineOf(entries, argv)
  if (line.length === 0) {
    program.command.outputHelp()
    return exitCodes.ok
  }
  try {
    await program.command.parseAsync([...line], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return afterParsing(entries, { words: line, isHelp: argv[0] === 'help' }, error)
  }
  return program.exitCode()
}

/** `demo` reads its own arguments and has its own help; null for every other command. */
function passOn({ deps }: Session, [name, ...rest]: readonly string[]): Promise<number> | null {
  if (name === 'demo') return deps.local.demo(rest)
  return name === 'help' && rest[0] === 'demo' ? deps.local.demo(['--help']) : null
}

/** The line as the parser wants it: what people also type is brought into that form. */
function lineOf(entries: readonly CommandEntry[], argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv
  if (first === '--json' && rest.length > 0) return afterCommand(entries, rest, '--json')
  if (first === '-V' || first === '--version') return ['version', ...rest]
  if (first === 'help') return helpLine(entries, rest)
  const isGroupAlone = argv.length === 1 && namedBy(entries, argv).kind === 'group'
  return isGroupAlone ? [...argv, '--help'] : argv
}

/** `NAME --help`, except that a name that is none must not get the program's own help; `help` alone is the same as nothing. */
function helpLine(entries: readonly CommandEntry[], rest: readonly string[]): readonly string[] {
  const words = rest.filter(word => !word.startsWith('-')).slice(0, 2)
  if (words.length === 0 || words[0] === 'help') return []
  const named = namedBy(entries, words)
  if (named.kind === 'command') return [...named.name.split(' '), '--help']
  return named.kind === 'group' && words.length === 1 ? [named.name, '--help'] : words
}

/** An option of every command, given before it: many type it so. */
function afterCommand(entries: readonly CommandEntry[], argv: readonly string[], option: string): readonly string[] {
  const named = namedBy(entries, argv)
  const count = named.kind === 'nothing' ? 1 : named.name.split(' ').length
  return [...argv.slice(0, count), option, ...argv.slice(count)]
}

/** Commander throws to leave: after help with 0, otherwise because of what it says. */
function afterParsing(
  entries: readonly CommandEntry[],
  line: { readonly words: readonly string[]; readonly isHelp: boolean },
  error: CommanderError,
): number {
  if (error.exitCode === 0) return exitCodes.ok
  const words = line.words.filter(word => !word.startsWith('-'))
  const named = namedBy(entries, words)
  const [problem = '', suggestion = ''] = error.message.replace(/^error: /, '').split('\n')
  const similar = /Did you mean (?:one of )?(.+?)\?/.exec(suggestion)?.[1] ?? null
  if (error.code === 'commander.unknownCommand')
    throw unknownCommand({ words, similar, group: named.kind === 'group' ? named.name : null, isHelp: line.isHelp })
  const name = named.kind === 'nothing' ? null : named.name
  const isMissing = error.code === 'commander.missingArgument'
  throw usageWrong(isMissing ? `${problem}${choicesOf(entries, name)}` : problem, similar, name)
}

/** What may be given, where that is a list. */
function choicesOf(entries: readonly CommandEntry[], name: string | null): string {
  const choices = entries.find(entry => entry.name === name)?.arguments?.find(one => one.choices !== undefined)?.choices
  return choices === undefined ? '' : `: it is one of ${choices.join(', ')}`
}

/** Known before parsing, because what is wrong with the parsing is answered in JSON, too. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json')
}
