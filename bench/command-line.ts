import { parseArgs } from 'node:util'
import type { ParseArgsOptionsConfig } from 'node:util'
import { messageOf } from '#kernel'

/** What a command under bench/ is and takes, for its help. */
export interface CommandLine<Options extends ParseArgsOptionsConfig> {
  /** As it is typed: "npm run bench --". */
  readonly command: string
  readonly about: string
  readonly options: Options
  /** For each option, what it does. */
  readonly help: Readonly<Record<keyof Options, string>>
}

/** The options that were given. With `--help` it prints what there is and ends with 0; what it does not know ends with 64. */
export function readCommandLine<const Options extends ParseArgsOptionsConfig>(
  line: CommandLine<Options>,
): ReturnType<typeof parseArgs<{ options: Options }>>['values'] {
  if (process.argv.slice(2).some(word => word === '--help' || word === '-h')) {
    process.stdout.write(usageOf(line))
    process.exit(0)
  }
  try {
    return parseArgs({ options: line.options }).values
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n\n${usageOf(line)}`)
    process.exit(64)
  }
}

function usageOf<Options extends ParseArgsOptionsConfig>({
  command,
  about,
  options,
  help,
}: CommandLine<Options>): string {
  const names = Object.entries(options).map(([name, { type }]) => [
    name,
    `--${name}${type === 'string' ? ` <${name}>` : ''}`,
  ])
  const rows = names.map(([name = '', flag = '']) => `  ${flag.padEnd(16)}  ${help[name] ?? ''}`)
  return [`${about}\n`, `Usage: ${command} [options]\n`, ...rows, `  ${'--help'.padEnd(16)}  this`, ''].join('\n')
}
