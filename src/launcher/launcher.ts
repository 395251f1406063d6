import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { isOfConfiguration } from '#contracts'
import { errorShapeOf, plain, systemClock } from '#kernel'
import { becomeProgram } from './become-program.ts'
import { claudeArguments, isPrinting, readCommandLine } from './command-line.ts'
import { findClaude } from './find-claude.ts'
import { placePlugin } from './place-plugin.ts'
import { isTrusted, trustNote, trustSteps } from './trust.ts'
import type { Writable } from 'node:stream'
import type { Clock } from '#kernel'
import type { Places } from '#contracts'
import type { Program } from './become-program.ts'
import type { CommandLine } from './command-line.ts'
import type { PlacedPlugin } from './place-plugin.ts'

export interface LauncherDeps {
  /** Asked for when something of ours is started: what is Claude's own passes through whatever is wrong with them. */
  readonly places: () => Places
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where `plugin/` and `bin/` are. */
  readonly packageDir: string
  /** The daemon is up when it resolves. */
  readonly up: () => Promise<unknown>
  /** When it is a terminal, a person sits there, whom Claude Code may ask something. */
  readonly stdout: Writable & { readonly isTTY?: boolean }
  readonly stderr: Writable
  /** Default: becomes the program and so never returns. */
  readonly run?: (program: Program) => Promise<number>
  readonly clock?: Clock
}

/** `claude-codex`: Claude Code with Codex beside it. Answers an exit code only when Claude Code could not be started. */
export async function runLauncher(argv: readonly string[], deps: LauncherDeps): Promise<number> {
  try {
    const line = readCommandLine(argv, isDirectory)
    if (line.kind === 'help') {
      deps.stdout.write(help)
      return 0
    }
    const run = deps.run ?? becomeProgram
    return await run(await programOf(line, deps))
  } catch (error) {
    return failLauncher(error, deps.stderr)
  }
}

/** Says why Claude Code is not started; its exit code. */
function failLauncher(error: unknown, stderr: Writable): number {
  const { code, message, hint } = errorShapeOf(error)
  const cure = hint === undefined ? '' : `  cure: ${hint}\n`
  stderr.write(plain(`claude-codex: ${message}\n${cure}  code: ${code}\n`))
  if (code === 'CLAUDE_NOT_FOUND') return commandNotFound
  return isOfConfiguration(code) ? configurationWrong : 1
}

/** What shells exit with for a program that is not there. */
const commandNotFound = 127
/** As every command of `tandem` (sysexits.h). */
const configurationWrong = 78

async function programOf(line: Exclude<CommandLine, { kind: 'help' }>, deps: LauncherDeps): Promise<Program> {
  const { env, packageDir } = deps
  const file = findClaude({ path: env['PATH'], packageDir })
  if (line.kind === 'pass') return { file, args: line.args, env: definedOf(env), cwd: cwdOf(line.directory) }
  if (line.kind === 'trust') {
    const { parentDir } = await placedPlugin(deps)
    deps.stderr.write(trustSteps)
    return { file, args: [], env: definedOf(env), cwd: parentDir }
  }
  await deps.up()
  const plugin = await placedPlugin(deps)
  if (deps.stdout.isTTY === true && !isPrinting(line.args)) await explainTrust(plugin.parentDir, deps)
  const mcpCommand = { command: `${packageDir}/bin/tandem`, args: ['mcp'] }
  const path = [plugin.binDir, `${packageDir}/bin`, env['PATH'] ?? ''].filter(part => part !== '').join(':')
  return {
    file,
    args: claudeArguments(line.args, { mcpCommand, pluginDir: plugin.dir }),
    env: { ...definedOf(env), PATH: path },
    cwd: cwdOf(line.directory),
  }
}

function placedPlugin({ packageDir, places, version, clock = systemClock }: LauncherDeps): Promise<PlacedPlugin> {
  return placePlugin({ sourceDir: `${packageDir}/plugin`, stateDir: places().stateDir, version, nowMs: clock.now() })
}

async function explainTrust(dir: string, { env, stderr }: LauncherDeps): Promise<void> {
  const isKnown = await isTrusted({ dir, home: env['HOME'], configDir: env['CLAUDE_CONFIG_DIR'] })
  if (!isKnown) stderr.write(plain(trustNote(dir)))
}

function cwdOf(directory: string | undefined): string | undefined {
  return directory === undefined ? undefined : resolve(directory)
}

function definedOf(env: LauncherDeps['env']): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
  )
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

const help = `usage: claude-codex [directory] [any arguments of claude]

Starts Claude Code with Codex beside it: the Tandem daemon is started if need be, Claude Code gets
the tools mcp__tandem__codex, codex_ask, codex_wait and more, the commands /codex-ask, /codex-config,
/codex-status, /codex-reasoning and /codex-final_only, and a skill for working in seven stages.
Nothing is written into your own files.

  claude-codex                       in this directory
  claude-codex ~/project -c          in another one, with claude's own -c (continue)
  claude-codex -p "ask Codex to review the last commit"
  claude-codex mcp list              claude's subcommands are passed through as they are
  claude-codex --tandem-trust        let Claude Code ask once, and for good, whether it may use the
                                     directory with our commands, instead of at every start

claude-codex --help is the help of claude itself. \`tandem help\` tells more of Tandem.
`
