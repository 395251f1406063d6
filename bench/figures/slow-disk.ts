import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Client } from '#client'
import { sleep } from '#kernel'
import type { Figure, Lab, Measurement, World } from '../figure.ts'
import { answering, timeOf } from '../figure.ts'
import { startProgram, untilAnswering, untilTrue } from '../programs.ts'
import { caller } from '../../test/support/tandem-world.ts'

const delayMs = 200
const streams = 8
/** Each streams for some three seconds. */
const rules = answering({ text: 'a piece of text and '.repeat(150), chunks: 150, chunkDelayMs: 20 })

/** Every sync of the daemon to its disk takes 200 ms longer, while turns stream: is anybody else made to wait? */
export const slowDisk: Figure = {
  name: 'slow-disk',
  title: "the daemon's event loop while each commit takes 200 ms and eight turns stream",
  needs: 'strace',
  async run(lab) {
    const slow = await startDaemon(lab)
    const fast = await startDaemon(lab)
    await slowDown(lab, slow.pid)
    const rounds = lab.rounds(5, 1)
    for (let round = 0; round < rounds; round += 1) {
      for (const daemon of [slow, fast]) await observe(daemon)
      lab.say(`round ${round + 1} of ${rounds}`)
    }
    const quickest = Math.min(...slow.accepting)
    if (quickest < delayMs) throw new Error(`the disk was not slow: a turn was accepted in ${quickest} ms`)
    return [
      measurementOf('inside: event-loop delay', slow.loopDelays, fast.loopDelays),
      measurementOf('outside: `status` on the socket', slow.roundTrips, fast.roundTrips),
    ]
  },
}

/** Every thread of the daemon, but nothing that it starts: Codex has a disk of its own. */
async function slowDown(lab: Lab, pid: number): Promise<void> {
  const calls = 'fsync,fdatasync'
  const inject = `inject=${calls}:delay_enter=${delayMs * 1000}`
  const args = [
    '-f',
    '-b',
    'execve',
    '-qqq',
    '-o',
    '/dev/null',
    '-e',
    `trace=${calls}`,
    '-e',
    inject,
    '-p',
    String(pid),
  ]
  lab.use(startProgram('strace', args))
  const isTraced = (thread: string): boolean =>
    /^TracerPid:\s+[1-9]/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
  await untilTrue(() => readdirSync(`/proc/${pid}/task`).every(isTraced), 'strace has not attached itself')
}

function measurementOf(what: string, ours: readonly number[], theirs: readonly number[]): Measurement {
  return {
    what,
    unit: 'ms',
    goals: [{ at: 'p99', of: 'value', atMost: 50 }],
    samples: ours,
    reference: { what: 'the same on a fast disk', samples: theirs },
  }
}

interface Observed {
  readonly world: World
  readonly client: Client
  readonly pid: number
  readonly loopDelays: number[]
  readonly roundTrips: number[]
  /** From asking to the answer that the turn is stored. */
  readonly accepting: number[]
}

async function startDaemon(lab: Lab): Promise<Observed> {
  const world = await lab.openWorld(rules)
  const probe = resolve(import.meta.dirname, '../loop-probe.ts')
  const args = ['--import', probe, join(lab.program, 'tandem.js'), 'daemon']
  lab.use(startProgram(process.execPath, args, { env: world.env, cwd: world.project }))
  await untilAnswering(world.places.socketPath)
  const client = world.client()
  const { pid } = await client.call('status', {}, { caller })
  const observed: Observed = { world, client, pid, loopDelays: [], roundTrips: [], accepting: [] }
  await streamOne(observed, 'a first one, so that Codex is there')
  await loopDelay(observed)
  // What was accepted before the disk was slow does not count.
  observed.accepting.length = 0
  return observed
}

async function observe(daemon: Observed): Promise<void> {
  const over = new AbortController()
  const turns = Promise.all(Array.from({ length: streams }, (_, index) => streamOne(daemon, `question ${index}`)))
  const asking = askUntil(daemon, over.signal)
  await turns.finally(() => over.abort())
  await asking
  daemon.loopDelays.push(await loopDelay(daemon))
}

async function askUntil({ client, roundTrips }: Observed, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    roundTrips.push(await timeOf(() => client.call('status', {}, { caller })))
    await sleep(10)
  }
}

async function streamOne({ client, world, accepting }: Observed, prompt: string): Promise<void> {
  const began = performance.now()
  const { turn_id } = await client.call('ask', { prompt, cd: world.project, wait_ms: 0 }, { caller })
  accepting.push(performance.now() - began)
  const answer = await client.call('wait', { turn_id }, { caller })
  if (answer.status !== 'completed') throw new Error(`a turn ended as ${answer.status}`)
}

/** The p99 of what the probe saw since it was last asked. */
async function loopDelay({ world, pid }: Observed): Promise<number> {
  const file = join(world.places.stateDir, 'loop-delay.json')
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  await untilTrue(() => existsSync(file) && readFileSync(file, 'utf8').endsWith('}'), 'the probe has not answered')
  return JSON.parse(readFileSync(file, 'utf8')).p99
}
