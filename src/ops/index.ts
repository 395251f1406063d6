export { openLog } from './open-log.ts'
export type { LogOptions, OpenLog } from './open-log.ts'
export { ensurePrivateDirectory } from './private-directory.ts'
