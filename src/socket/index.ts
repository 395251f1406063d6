export { startSocketDoor } from './door.ts'
export type { SocketDoor, SocketDoorDeps, SocketLimits } from './door.ts'
