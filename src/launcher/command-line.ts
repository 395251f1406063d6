import { verbNames, verbs } from '#contracts'
import type { VerbDescription } from '#contracts'

export type CommandLine =
  | { readonly kind: 'help' }
  /** Lets Claude Code ask the person, once, whether our directory may be used. */
  | { readonly kind: 'trust' }
  /** Claude's own business: as it was typed, without anything of ours. */
  | { readonly kind: 'pass'; readonly directory: string | undefined; readonly args: readonly string[] }
  | { readonly kind: 'start'; readonly directory: string | undefined; readonly args: readonly string[] }

/** `[directory] [any claude arguments]`. A word that is a subcommand of Claude is never taken for a directory: write `./mcp`. */
export function readCommandLine(argv: readonly string[], isDirectory: (path: string) => boolean): CommandLine {
  const [first] = argv
  if (first === '--tandem-help') return { kind: 'help' }
  if (first === '--tandem-trust') return { kind: 'trust' }
  if (first === undefined || isClaudesOwn(first)) return commandOf(undefined, argv)
  if (first.startsWith('-') || !isDirectory(first)) return commandOf(undefined, argv)
  return commandOf(first, argv.slice(1))
}

export interface Additions {
  readonly mcpCommand: { readonly command: string; readonly args: readonly string[] }
  /** Its `.claude` holds our commands and the skill. */
  readonly pluginDir: string
}

/**
 * Our flags in front of the caller's own. Each is one word (`--flag=value`): Claude's lists swallow what follows them otherwise.
 * Nothing has to be merged: Claude Code adds up what such a flag is given several times.
 */
export function claudeArguments(args: readonly string[], additions: Additions): readonly string[] {
  const server = { type: 'stdio', ...additions.mcpCommand, alwaysLoad: true }
  return [
    `--mcp-config=${JSON.stringify({ mcpServers: { tandem: server } })}`,
    `--allowedTools=${allowedTools().join(',')}`,
    `--add-dir=${additions.pluginDir}`,
    ...args,
  ]
}

/** Without a terminal's dialogs: Claude Code then asks nothing. */
export function isPrinting(args: readonly string[]): boolean {
  return args.includes('-p') || args.includes('--print')
}

/** Our tools under the names that Claude Code gives them. */
function allowedTools(): readonly string[] {
  return verbNames.flatMap(verb => {
    const description: VerbDescription = verbs[verb]
    return (description.doors.mcp ?? []).map(shape => `mcp__tandem__${shape.tool}`)
  })
}

function commandOf(directory: string | undefined, args: readonly string[]): CommandLine {
  const [first] = args
  return { kind: first !== undefined && isClaudesOwn(first) ? 'pass' : 'start', directory, args }
}

function isClaudesOwn(word: string): boolean {
  return subcommands.has(word) || informational.has(word)
}

const informational: ReadonlySet<string> = new Set(['-v', '--version', '-h', '--help'])

/** From `claude --help` of 2.1.329. One that is missing here still works: it only gets flags that it does not look at. */
const subcommands: ReadonlySet<string> = new Set([
  'agents',
  'attach',
  'auth',
  'auto-mode',
  'doctor',
  'gateway',
  'import',
  'install',
  'kill',
  'logs',
  'mcp',
  'plugin',
  'plugins',
  'purge',
  'respawn',
  'rm',
  'setup-token',
  'stop',
  'ultrareview',
  'update',
  'upgrade',
])
