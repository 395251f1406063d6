import type { Figure } from '../figure.ts'
import { answering, timeOf } from '../figure.ts'
import { startMcpClient } from '../mcp-client.ts'
import { startRawCodex } from '../raw-codex.ts'

/** A turn of two seconds: forty pieces of text, one every fifty milliseconds. */
const text = Array.from({ length: 40 }, (_, index) => `piece ${index}`).join(' ')
const rules = answering({ text, chunks: 40, chunkDelayMs: 50 })

/** As many turns as may run at once, each in a new thread, by one client. */
export const manyThreads: Figure = {
  name: 'many-threads',
  title: '32 threads at once, each with a turn of two seconds',
  async run(lab) {
    const world = await lab.openWorld(rules, { turns: { stop_grace_ms: 0 } })
    await world.tandem(['up'])
    const client = lab.use(await startMcpClient(lab, world))
    const raw = lab.use(await startRawCodex(world))
    const threads = lab.rounds(32, 4)
    const all = async (ask: (prompt: string) => Promise<string>): Promise<void> => {
      const answers = await Promise.all(Array.from({ length: threads }, (_, index) => ask(`question ${index}`)))
      const wrong = answers.filter(answer => answer !== text)
      if (wrong.length > 0) throw new Error(`${wrong.length} of ${threads} answers are wrong: ${wrong[0]}`)
    }
    const ours = async () => timeOf(() => all(async prompt => (await client.codex(prompt)).text))
    const theirs = async () => timeOf(() => all(async prompt => raw.turn(await raw.startThread(), prompt)))
    const samples: number[] = []
    const reference: number[] = []
    const rounds = lab.rounds(5, 1)
    for (let round = 0; round < rounds; round += 1) {
      const take = [async () => samples.push(await ours()), async () => reference.push(await theirs())]
      for (const each of round % 2 === 0 ? take : take.toReversed()) await each()
      lab.say(`round ${round + 1} of ${rounds}`)
    }
    return [
      {
        what: `wall of ${threads} threads`,
        unit: 'ms',
        goals: [{ at: 'p50', of: 'ratio', atMost: 1.15 }],
        samples,
        reference: { what: 'the raw app-server', samples: reference },
      },
    ]
  },
}
