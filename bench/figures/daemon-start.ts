import { join } from 'node:path'
import type { Figure, Lab, World } from '../figure.ts'
import { answering, timeOf } from '../figure.ts'
import { runProgram, startProgram, untilAnswering, untilListening } from '../programs.ts'

/** From the start of the process until a client has its answer, the store opened and Codex on its way. */
export const daemonStart: Figure = {
  name: 'daemon-start',
  title: 'a daemon that is started answers on its socket',
  async run(lab) {
    const world = await lab.openWorld(answering({ text: 'unused' }))
    const samples: Record<'daemon' | 'node' | 'listening', number[]> = { daemon: [], node: [], listening: [] }
    const rounds = lab.rounds(30)
    for (let round = 0; round < rounds; round += 1) {
      samples.node.push(await timeOf(() => runProgram(process.execPath, ['-e', '0'])))
      samples.listening.push(await bareStart(join(world.folder, `bare-${round}.sock`)))
      samples.daemon.push(await daemonTime(lab, world))
      if (round % 10 === 0) lab.say(`start ${round} of ${rounds}`)
    }
    return [
      {
        what: 'process to answer',
        unit: 'ms',
        goals: [
          { at: 'p50', of: 'value', atMost: 300 },
          { at: 'max', of: 'value', atMost: 2000 },
        ],
        samples: samples.daemon,
        reference: { what: 'a bare Node that listens', samples: samples.listening },
      },
      {
        what: 'the same beside `node -e 0`',
        unit: 'ms',
        goals: [],
        samples: samples.daemon,
        reference: { what: '`node -e 0`', samples: samples.node },
      },
    ]
  },
}

async function daemonTime(lab: Lab, world: World): Promise<number> {
  const began = performance.now()
  await using _daemon = lab.use(
    startProgram(process.execPath, [join(lab.program, 'tandem.js'), 'daemon'], { env: world.env, cwd: world.project }),
  )
  await untilAnswering(world.places.socketPath)
  return performance.now() - began
}

async function bareStart(path: string): Promise<number> {
  const began = performance.now()
  const script = 'require("node:net").createServer(socket => socket.end()).listen(process.argv[1])'
  await using _listening = startProgram(process.execPath, ['-e', script, path])
  await untilListening(path)
  return performance.now() - began
}
