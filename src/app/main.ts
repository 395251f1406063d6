import { version } from './version.ts'
import type { Environment } from './environment.ts'

/*
 * `tandem`. Only what a command needs is loaded: a version is said before anything else is, a command starts without the
 * daemon's rooms. (That this Node is new enough is looked at before this file is parsed: see scripts/build.ts.)
 */

type Program = (argv: readonly string[], environment: Environment) => Promise<number>

const programs: Readonly<Record<string, Program>> = {
  daemon: async (_, environment) => (await import('./daemon.ts')).runDaemon(environment),
  mcp: async (argv, environment) =>
    argv.length === 0
      ? (await import('./mcp.ts')).runMcpServer(environment)
      : (await import('./cli.ts')).runCommandLine(['mcp', ...argv], environment),
}

async function run(argv: readonly string[]): Promise<number> {
  const [first = '', ...rest] = argv
  if (first === '--version' || first === '-V') {
    process.stdout.write(`${version}\n`)
    return 0
  }
  const { readEnvironment } = await import('./environment.ts')
  let environment: Environment
  try {
    environment = readEnvironment()
  } catch (error) {
    return (await import('./cli.ts')).failCommandLine(argv, error)
  }
  const program = Object.hasOwn(programs, first) ? programs[first] : undefined
  if (program !== undefined) return program(rest, environment)
  return (await import('./cli.ts')).runCommandLine(argv, environment)
}

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `tandem: Node ${process.versions.node} is too old; it needs Node 24 or newer (https://nodejs.org)\n`,
  )
  process.exitCode = 78
} else {
  process.exitCode = await run(process.argv.slice(2))
  // Nothing may keep a finished daemon in memory, nor its lock; `up --foreground` was one, too.
  if (process.argv[2] === 'daemon' || process.argv[2] === 'up') process.exit()
}
