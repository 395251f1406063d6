import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { atMost, rule } from '#scripted-model'
import type { Rule } from '#scripted-model'
import type { Figure, Lab, World } from '../figure.ts'
import { startRawCodex } from '../raw-codex.ts'
import { textAt } from '../json.ts'

/**
 * The turn is cut while the model thinks, and the model answers at once when it is asked again: so what is measured is all
 * ours, as the turn's own rest is nothing.
 */
const rulesOf = (rounds: number): readonly Rule[] => [
  ...Array.from({ length: rounds }, (_, round) => [
    atMost(1, rule(`cut ours ${round}`, { anyText: `ours ${round}.` }, [{ gate: 'never' }])),
    atMost(1, rule(`cut raw ${round}`, { anyText: `raw ${round}.` }, [{ gate: 'never' }])),
  ]).flat(),
  rule('answer', {}, [{ text: 'it goes on' }]),
]

export const killedDaemon: Figure = {
  name: 'killed-daemon',
  title: 'the daemon is killed -9 in a turn, and who waits for it has the answer',
  async run(lab) {
    const rounds = lab.rounds(20, 1)
    const world = await lab.openWorld(rulesOf(rounds))
    const samples: number[] = []
    const reference: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      // With a supervisor of its own each time: one whose daemon dies again and again pauses longer and longer.
      await world.tandem(['up'])
      samples.push(await killedInTurn(lab, world, `ours ${round}.`, `cut ours ${round}`))
      await world.tandem(['down'])
      reference.push(await killedByHand(lab, world, `raw ${round}.`, `cut raw ${round}`))
      if (round % 5 === 0) lab.say(`kill ${round} of ${rounds}`)
    }
    return [
      {
        what: 'kill to answer',
        unit: 'ms',
        goals: [{ at: 'p50', of: 'value', atMost: 1000 }],
        samples,
        reference: { what: 'a new app-server that resumes it by hand', samples: reference },
      },
    ]
  },
}

const played = (world: World, name: string) =>
  world.model.waitForRequest(request => request.rule === name, { timeoutMs: 30_000 })

async function killedInTurn(lab: Lab, world: World, prompt: string, cut: string): Promise<number> {
  const args = [join(lab.program, 'tandem.js'), 'ask', '--json', prompt]
  const asked = promisify(execFile)(process.execPath, args, { env: world.env, cwd: world.project })
  await played(world, cut)
  const killedAt = performance.now()
  await world.killDaemon()
  const { stdout } = await asked
  const took = performance.now() - killedAt
  const answer: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '')
  if (textAt(answer, 'agent_messages') !== 'it goes on') throw new Error(`another answer: ${stdout.slice(0, 1000)}`)
  return took
}

/** The least that must be done: Codex started again, the thread read, the turn sent once more. */
async function killedByHand(lab: Lab, world: World, prompt: string, cut: string): Promise<number> {
  const first = lab.use(await startRawCodex(world))
  const thread = await first.startThread()
  first.turn(thread, prompt).catch(() => undefined /* it is killed in this */)
  await played(world, cut)
  const killedAt = performance.now()
  process.kill(first.pid, 'SIGKILL')
  const second = lab.use(await startRawCodex(world))
  await second.resumeThread(thread)
  const said = await second.turn(thread, prompt)
  const took = performance.now() - killedAt
  if (said !== 'it goes on') throw new Error(`another answer: ${said}`)
  await second[Symbol.asyncDispose]()
  return took
}
