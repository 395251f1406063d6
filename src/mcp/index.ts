export { createMcpServer } from './server.ts'
export type { McpServerDeps } from './server.ts'
export { runMcp } from './stdio.ts'
export type { McpDeps } from './stdio.ts'
