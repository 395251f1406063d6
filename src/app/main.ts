import { version } from './version.ts'
import type { Environment } from './environment.ts'

/*
 * `tandem`. Only what a command needs is loaded: a version is said before anything else is, a command starts without the
 * daemon's rooms. (That this Node is new enough is looked at before this file is parsed: see scripts/build.ts.)
 */

/** Programs beside the command line: they need no code of it. */
const programs: Readonly<Record<string, (environment: Environment) => Promise<number>>> = {
  daemon: async environment => (await import('./daemon.ts')).runDaemon(environment),
  mcp: async environment => (await import('./mcp.ts')).runMcpServer(environment),
}

async function run(argv: readonly string[]): Promise<number> {
  const [first = '', ...rest] = argv
  if (first === '--version' || first === '-V') {
    process.stdout.write(`${version}\n`)
    return 0
  }
  // `mcp --help` is a command line.
  const isProgram = Object.hasOwn(programs, first) && (first === 'daemon' || rest.length === 0)
  const program = isProgram ? programs[first] : undefined
  if (program === undefined) return (await import('./cli.ts')).runCommandLine(argv)
  const { readEnvironment } = await import('./environment.ts')
  let environment: Environment
  try {
    environment = readEnvironment()
  } catch (error) {
    return (await import('./cli.ts')).failCommandLine(argv, error)
  }
  return program(environment)
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
