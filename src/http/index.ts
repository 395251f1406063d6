export { boundedVerbs } from './bounded-verbs.ts'
export { startHttpDoor } from './door.ts'
export type { HttpDoor, HttpDoorDeps, HttpLimits } from './door.ts'
