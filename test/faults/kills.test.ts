import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { createClient } from '#client'
import { sleep, systemClock } from '#kernel'
import { rule, shell } from '#scripted-model'
import { fault, repeated } from '../support/fault.ts'
import { needsProc } from '../support/needs.ts'
import { processesOf } from '../support/tandem.ts'
import { caller, openTandemWorld } from '../support/tandem-world.ts'
import { startTextTap } from '../support/text-tap.ts'
import { openUser, seconds } from '../support/user.ts'
import type { TurnAnswer, VerbInput } from '#contracts'
import type { TextTap } from '../support/text-tap.ts'
import type { TandemWorld } from '../support/tandem-world.ts'
import type { User } from '../support/user.ts'

const kills = repeated(200)
const workers = 4
const words = Array.from({ length: 100 }, (_, index) => `word ${index}`).join(' ')
const rules = [
  rule('go on', { lastText: 'cut off by a crash' }, [{ text: `${words} finished`, chunks: 60, chunkDelayMs: 25 }]),
  rule('work', { lastText: '/^job \\d+$/', sincePrompt: 0 }, [shell('ls; sleep 0.2')]),
  rule('job', { lastText: '/^job \\d+$/' }, [{ text: `${words} finished`, chunks: 100, chunkDelayMs: 25 }]),
]

interface Job {
  readonly prompt: string
  readonly input: Partial<VerbInput<'ask'>>
  readonly answer: TurnAnswer
}

describe('kill -9', () => {
  fault(
    {
      fault: `${kills} random kill -9 under load`,
      injected: `of the daemon or the app-server, at random, every 1 to 6 s; ${workers} clients ask all the time, with idempotency keys, while text streams`,
      expected:
        '0 accepted turns lost, 0 run twice (by the requests that reached the model, by the history of Codex, and when each key is sent again), 0 orphans, at least 99 % of the streamed text kept',
      needs: [needsProc],
      timeoutMs: 3_600_000,
    },
    async () => {
      await using world = await openTandemWorld(rules, { turns: { max_continuations: 100 } })
      await using tap = await startTextTap(world.model.url)
      const codexConfig = join(world.folder, 'codex', 'config.toml')
      writeFileSync(codexConfig, readFileSync(codexConfig, 'utf8').replaceAll(world.model.url, tap.url))
      await world.tandem(['up'])
      const jobs: Job[] = []
      const load = { isOver: false, next: 0 }
      const began = performance.now()
      const working = Promise.all(
        Array.from({ length: workers }, async () => {
          const user = openUser(world)
          let session: string | null = null
          while (!load.isOver) {
            const number = (load.next += 1)
            const job: Job = await runJob(user, number, number % 3 === 0 ? null : session)
            session = job.answer.session_id
            jobs.push(job)
          }
        }),
      )
      const killed = await killAtRandom(world, tap)
      load.isOver = true
      await working
      const tookMs = performance.now() - began

      // Nothing lost.
      const bad = jobs.filter(
        ({ answer }) => answer.status !== 'completed' || !answer.agent_messages.endsWith('finished'),
      )
      expect(bad).toEqual([])
      // Nothing twice.
      const user = openUser(world)
      for (const { prompt, input, answer } of jobs) expect((await user.ask(prompt, input)).turn_id).toBe(answer.turn_id)
      const prompts = jobs.map(job => job.prompt).toSorted()
      expect(
        world
          .promptsInHistory()
          .filter(prompt => prompt.startsWith('job '))
          .toSorted(),
      ).toEqual(prompts)
      for (const name of ['work', 'job']) {
        const plays = world.model.requests.filter(request => request.rule === name).length
        expect([name, Math.min(plays, jobs.length)]).toEqual([name, plays])
      }
      // Text.
      const stored = await storedCharacters(user)
      const share = stored / tap.characters
      expect(share).toBeGreaterThanOrEqual(0.99)
      expect(share).toBeLessThan(1.001)
      // Orphans.
      expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
      await expect.poll(() => processesOf(world.folder), { timeout: 15_000 }).toEqual([])
      return `${killed.daemon} kills of the daemon, ${killed.codex} of the app-server in ${seconds(tookMs)}; ${jobs.length} turns accepted, 0 lost, 0 run twice, 0 orphans; ${(share * 100).toFixed(2)} % of ${tap.characters} characters kept`
    },
  )
})

/** Asked until it is answered: the key makes it one turn, however often. */
async function runJob(user: User, number: number, session: string | null): Promise<Job> {
  const prompt = `job ${number}`
  const input = {
    idempotency_key: `key-${number}`,
    wait_ms: 100_000,
    ...(session === null ? {} : { session_id: session }),
  }
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await user.ask(prompt, input)
      if (answer.status !== 'running' && answer.status !== 'queued') return { prompt, input, answer }
    } catch (error) {
      // The caller's own limit, when daemons die faster than it can connect; it asks again, as a person would.
      if (!passing.includes((error as { readonly code: string }).code)) throw error
    }
    if (tries === 20) throw new Error(`${prompt} was not answered in ${tries} tries`)
  }
}

const passing: readonly string[] = [
  'DAEMON_CONNECTION_LOST',
  'DAEMON_START_TIMEOUT',
  'DAEMON_UNREACHABLE',
  'DAEMON_NOT_RUNNING',
]

async function killAtRandom(
  world: TandemWorld,
  tap: TextTap,
): Promise<{ readonly daemon: number; readonly codex: number }> {
  const killed = { daemon: 0, codex: 0 }
  let codexInARow = 0
  while (killed.daemon + killed.codex < kills) {
    // The moment is what is random here.
    await sleep(1000 + Math.random() * 5000)
    // So many in a row would open the breaker, which is another fault.
    const isCodex = Math.random() < 0.5 && codexInARow < 3
    const pid = await pidOf(world, isCodex).catch(() => null)
    if (pid === null) continue
    tap.stopCounting()
    process.kill(pid, 'SIGKILL')
    killed[isCodex ? 'codex' : 'daemon'] += 1
    codexInARow = isCodex ? codexInARow + 1 : 0
  }
  return killed
}

/** Rejects, or null, while it does not run. */
async function pidOf(world: TandemWorld, isCodex: boolean): Promise<number | null> {
  const identity = { name: 'test', version: '0.0.0' }
  await using client = createClient({ places: world.places, clock: systemClock, identity, connectTimeoutMs: 1000 })
  const { pid, codex } = await client.call('status', {}, { caller })
  return isCodex ? codex.pid : pid
}

async function storedCharacters(user: User): Promise<number> {
  let characters = 0
  for (let cursor = 0; ;) {
    const page = await user.call('events', { cursor, limit: 500 })
    for (const event of page.events) if (event.kind === 'text') characters += String(event.data['text']).length
    const last = page.events.at(-1)
    if (last === undefined || !page.has_more) return characters
    cursor = last.seq
  }
}
