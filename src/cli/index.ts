export { optionsOf } from './command-entry.ts'
export { commandEntries } from './commands.ts'
export { exitCodeMeanings } from './exit-codes.ts'
export { pageOfCommand } from './help-page.ts'
export { relatedTo } from './related-commands.ts'
export { failCli, runCli } from './run-cli.ts'
export type { CommandEntry, EntryArgument, EntryOption } from './command-entry.ts'
export type {
  ClaudeInstallRequest,
  CliDeps,
  CliEnvironment,
  DoctorRequest,
  InputStream,
  Lifecycle,
  LocalCommands,
  OutputStream,
  PolicyAllowed,
  PolicyGrant,
  StoreCopyRequest,
} from './deps.ts'
export type { HelpBlock, HelpPage } from './help-page.ts'
