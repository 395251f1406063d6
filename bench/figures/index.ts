import type { Figure } from '../figure.ts'
import { daemonStart } from './daemon-start.ts'
import { killedDaemon } from './killed-daemon.ts'
import { manyThreads } from './many-threads.ts'
import { memory } from './memory.ts'
import { slowDisk } from './slow-disk.ts'
import { stuckNeighbour } from './stuck-neighbour.ts'
import { versionCommand } from './version-command.ts'
import { warmTurn } from './warm-turn.ts'

/** In the order in which they are measured. */
export const figures: readonly Figure[] = [
  daemonStart,
  versionCommand,
  warmTurn,
  manyThreads,
  memory,
  stuckNeighbour,
  killedDaemon,
  slowDisk,
]
