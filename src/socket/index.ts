export { assertAccepting } from './accepting.ts'
export { startSocketDoor } from './door.ts'
export type { SocketDoor, SocketDoorDeps, SocketLimits } from './door.ts'
