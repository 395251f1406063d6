import type { Figure } from '../figure.ts'
import { answering, timeOf } from '../figure.ts'
import { startMcpClient } from '../mcp-client.ts'
import type { McpClient } from '../mcp-client.ts'

/** Half a second of a model that thinks: what is measured is whether others are waited for, not how many cores there are. */
const rules = [
  { name: 'stuck', when: { lastText: 'never answered' }, reply: { steps: [{ silent: true as const }] } },
  ...answering({ delayMs: 500 }, { text: 'done: {{lastText}}' }),
]

/** Three clients ask at once; the model never answers one of them. */
export const stuckNeighbour: Figure = {
  name: 'stuck-neighbour',
  title: 'two of three clients, while the turn of the third is stuck',
  async run(lab) {
    // The stuck turn is not waited for at the end.
    const world = await lab.openWorld(rules, { turns: { stop_grace_ms: 0 } })
    await world.tandem(['up'])
    const [stuck, ...others] = [
      lab.use(await startMcpClient(lab, world)),
      lab.use(await startMcpClient(lab, world)),
      lab.use(await startMcpClient(lab, world)),
    ] as const
    const sessions = await Promise.all(others.map(async client => (await client.codex('hello')).sessionId))
    const ask = async (index: 0 | 1, prompt: string): Promise<number> =>
      timeOf(() => askIn(others[index], sessions[index] ?? '', prompt))

    const rounds = lab.rounds(20)
    const alone: number[] = []
    for (let round = 0; round < rounds; round += 1)
      alone.push(await ask(0, `alone ${round}`), await ask(1, `alone ${round}`))
    // Nobody waits for it: the lab ends its client.
    stuck.codex('never answered').catch(() => undefined)
    await world.model.waitForRequest(request => request.rule === 'stuck', { timeoutMs: 30_000 })
    const beside: number[] = []
    for (let round = 0; round < rounds; round += 1)
      beside.push(...(await Promise.all([ask(0, `beside ${round}`), ask(1, `beside ${round}`)])))
    return [
      {
        what: 'a call of the others',
        unit: 'ms',
        goals: [{ at: 'p50', of: 'ratio', atMost: 1.2 }],
        samples: beside,
        reference: { what: 'each alone', samples: alone },
      },
    ]
  },
}

async function askIn(client: McpClient, sessionId: string, prompt: string): Promise<void> {
  const { text } = await client.codex(prompt, { sessionId })
  if (text !== `done: ${prompt}`) throw new Error(`asked ${prompt}, was answered ${text}`)
}
