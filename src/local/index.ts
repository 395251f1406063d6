export { runDemo } from './demo/run-demo.ts'
export type { DemoDeps } from './demo/run-demo.ts'
