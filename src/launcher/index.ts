export { becomeProgram } from './become-program.ts'
export type { Program } from './become-program.ts'
export { runLauncher } from './launcher.ts'
export type { LauncherDeps } from './launcher.ts'
