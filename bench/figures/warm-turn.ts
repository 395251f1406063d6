import type { Figure, Measurement } from '../figure.ts'
import { answering, timeOf } from '../figure.ts'
import { startMcpClient } from '../mcp-client.ts'
import { startRawCodex } from '../raw-codex.ts'

const rules = answering({ text: 'done: {{lastText}}' })

/** Tandem's whole way (MCP, socket, store, Codex, store, and back) against the same turn spoken to the app-server by hand. */
export const warmTurn: Figure = {
  name: 'warm-turn',
  title: "what a warm `codex` call adds to the app-server's own turn",
  async run(lab) {
    const world = await lab.openWorld(rules)
    await world.tandem(['up'])
    const raw = lab.use(await startRawCodex(world))
    const client = lab.use(await startMcpClient(lab, world))
    const samples = { warm: [], rawWarm: [], fresh: [], rawFresh: [] } as Record<string, number[]>
    const session = (await client.codex('first')).sessionId
    const thread = await raw.startThread()
    await raw.turn(thread, 'first')

    const kinds = {
      warm: async (prompt: string) => same(prompt, (await client.codex(prompt, { sessionId: session })).text),
      rawWarm: async (prompt: string) => same(prompt, await raw.turn(thread, prompt)),
      fresh: async (prompt: string) => same(prompt, (await client.codex(prompt)).text),
      rawFresh: async (prompt: string) => same(prompt, await raw.turn(await raw.startThread(), prompt)),
    }
    const rounds = lab.rounds(60, 3)
    const warmUp = lab.isQuick ? 0 : 5
    for (let round = 0; round < rounds + warmUp; round += 1) {
      // Either first, by turns: the second of a pair finds the caches of the machine warm.
      const order = round % 2 === 0 ? kindNames : kindNames.toReversed()
      for (const kind of order) {
        const took = await timeOf(() => kinds[kind](`question ${round} ${kind}`))
        if (round >= warmUp) samples[kind]?.push(took)
      }
      if (round % 10 === 0) lab.say(`round ${round} of ${rounds + warmUp}`)
    }
    return [
      measurementOf('in a warm thread', samples['warm'], samples['rawWarm']),
      measurementOf('in a new thread', samples['fresh'], samples['rawFresh']),
    ]
  },
}

const kindNames = ['warm', 'rawWarm', 'fresh', 'rawFresh'] as const

function measurementOf(what: string, ours: readonly number[] = [], theirs: readonly number[] = []): Measurement {
  return {
    what,
    unit: 'ms',
    goals: [{ at: 'p50', of: 'added', atMost: 10 }],
    samples: ours,
    reference: { what: 'the same turn, raw', samples: theirs },
  }
}

function same(prompt: string, text: string): void {
  if (text !== `done: ${prompt}`) throw new Error(`asked ${prompt}, was answered ${text}`)
}
