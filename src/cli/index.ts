export { runCli } from './run-cli.ts'
export type { CliDeps, CliEnvironment, InputStream, Lifecycle, LocalCommands, OutputStream } from './deps.ts'
