import { readFileSync } from 'node:fs'
import { sleep } from '#kernel'
import type { Figure, Measurement, World } from '../figure.ts'
import { answering } from '../figure.ts'
import { startMcpClient } from '../mcp-client.ts'
import { memoryOf } from '../memory-of.ts'
import { startProgram } from '../programs.ts'

/** The daemon and its supervisor, without Codex: what a user pays for having it there. */
export const memory: Figure = {
  name: 'memory',
  title: 'memory (PSS) of the daemon and its supervisor, without Codex',
  async run(lab) {
    const world = await lab.openWorld(answering({ text: 'done: {{lastText}}', chunks: 20, chunkDelayMs: 20 }))
    await world.tandem(['up'])
    const client = lab.use(await startMcpClient(lab, world))
    const node = lab.use(startProgram(process.execPath, ['-e', 'setInterval(() => {}, 1000)']))
    const bare = node.child.pid ?? 0
    await client.codex('a first one, so that Codex is there')
    const sample = async (what: string, atMost: number): Promise<Measurement> => {
      const samples: number[] = []
      const reference: number[] = []
      for (let round = 0; round < lab.rounds(10); round += 1) {
        await sleep(lab.isQuick ? 50 : 500)
        samples.push(daemonMemory(world))
        reference.push(memoryOf(bare))
      }
      const goals = [{ at: 'max', of: 'value', atMost }] as const
      return { what, unit: 'MB', goals, samples, reference: { what: 'a Node that does nothing', samples: reference } }
    }
    const idle = await sample('idle', 110)
    const threads = lab.rounds(32, 4)
    lab.say(`${threads} threads`)
    await Promise.all(Array.from({ length: threads }, (_, index) => client.codex(`question ${index}`)))
    return [idle, await sample(`after ${threads} threads at once`, 150)]
  },
}

function daemonMemory(world: World): number {
  const { pid, supervisor_pid: supervisor } = JSON.parse(readFileSync(world.places.addressFile, 'utf8'))
  return memoryOf(pid) + memoryOf(supervisor)
}
