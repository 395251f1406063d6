import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verbNames, verbs } from '#contracts'
import type { VerbName } from '#contracts'
import { rule, say } from '#scripted-model'
import { openCliDoor, openHttpDoor, openMcpDoor, openSocketDoor } from './support/doors.ts'
import type { Door } from './support/doors.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

type Fields = Readonly<Record<string, unknown>>

/** What each verb is asked through each of its doors; every door gets its own turn where the verb changes something. */
const inputs: { readonly [N in VerbName]: (world: TandemWorld) => Promise<Fields> } = {
  ask: async world => ({ prompt: 'say hello', cd: world.project }),
  wait: async world => ({ turn_id: await finishedTurn(world) }),
  result: async world => ({ turn_id: await finishedTurn(world), return_all_messages: true }),
  steer: async world => ({ turn_id: await runningTurn(world), message: 'and mind the gap' }),
  cancel: async world => ({ turn_id: await runningTurn(world) }),
  events: async world => ({ turn_id: await finishedTurn(world), limit: 3 }),
  turns: async () => ({ status: 'completed', limit: 1 }),
  turn: async world => ({ turn_id: await finishedTurn(world) }),
  threads: async () => ({ limit: 1 }),
  thread: async world => ({ session_id: await finishedSession(world) }),
  archive: async world => ({ session_id: await finishedSession(world) }),
  settings: async world => ({ cd: world.project, scope: 'project', effort: 'high', final_only: 'off' }),
  policy_show: async world => ({ cd: world.project }),
  policy_test: async world => ({ cd: world.project, sandbox: 'danger-full-access' }),
  status: async () => ({}),
  health: async () => ({}),
  log_level: async () => ({ level: 'warn' }),
  shutdown: async () => ({}),
}

let world: TandemWorld
let doors: readonly Door[]

beforeAll(async () => {
  world = await openTandemWorld([
    rule('hold', { lastText: 'hold on' }, [say('holding '), { gate: 'never' }]),
    // Codex cuts the answer under way when it is steered, and asks again: that has to hang, too.
    rule('steered', { lastText: 'and mind the gap' }, [{ gate: 'never' }]),
    rule('hello', { lastText: 'say hello' }, [say('hello')]),
  ])
  await world.tandem(['up'])
  doors = [
    openSocketDoor(world),
    await openHttpDoor(world),
    openCliDoor(world),
    await openMcpDoor(world),
    await openMcpDoor(world, 'http'),
  ]
})

afterAll(async () => {
  for (const door of doors) await door[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

describe('every verb through each of its doors', { timeout: 120_000 }, () => {
  it.each(verbNames.filter(name => name !== 'shutdown'))('%s', async name => {
    const results: unknown[] = []
    for (const door of doors) {
      const isNamed = door.name === 'socket' || Object.hasOwn(verbs[name].doors, door.name)
      expect(door.has(name), `${name} has the door ${door.name} that its description names`).toBe(isNamed)
      if (!isNamed) continue
      const result = await door.call(name, await inputs[name](world))
      expect(result).toMatchObject({ kind: 'ok' })
      if (result.kind === 'ok') verbs[name].output.parse(result.output)
      results.push(steady(result))
    }
    const [first, ...others] = results
    for (const other of others) expect(other).toEqual(first)
  })

  it.each(['socket', 'http'] as const)('shutdown through %s', async name => {
    await using own = await openTandemWorld([])
    await own.tandem(['up'])
    await using door = name === 'socket' ? openSocketDoor(own) : await openHttpDoor(own)
    expect(await door.call('shutdown', { grace_ms: 0 })).toMatchObject({ kind: 'ok', output: { running: 0 } })
  })
})

async function finishedTurn(of: TandemWorld): Promise<string> {
  const { turn_id } = await of.client().call('ask', { prompt: 'say hello', cd: of.project }, { caller })
  return turn_id
}

async function finishedSession(of: TandemWorld): Promise<string> {
  const { session_id } = await of.client().call('ask', { prompt: 'say hello', cd: of.project }, { caller })
  return session_id ?? ''
}

async function runningTurn(of: TandemWorld): Promise<string> {
  const client = of.client()
  const { turn_id } = await client.call('ask', { prompt: 'hold on', cd: of.project, wait_ms: 0 }, { caller })
  for (let cursor = 0; ;) {
    const page = await client.call('events', { turn_id, cursor, wait_ms: 30_000 }, { caller })
    if (page.events.some(event => event.kind === 'text')) return turn_id
    expect(page.events).not.toEqual([])
    cursor = page.cursor
  }
}

/** Without what differs from call to call: ids, times, counters, what a turn is at right now. Keys and types stay. */
function steady(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map(each => steady(each))
  if (typeof value === 'object' && value !== null) {
    const isMoving = 'status' in value && value.status === 'running'
    // How a part of the machine is right now; what is compared is which parts are told.
    if ('looked_at' in value && 'part' in value) return value.part
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        isMoving && key === 'last_event' ? 'the latest of a running turn' : steady(inner, key),
      ]),
    )
  }
  if (typeof value === 'number') return changing.test(name) ? 'a number' : value
  if (typeof value === 'string')
    return value.replaceAll(/\b(?:turn|agent|node)_\w{26,}|[\da-f]{8}-[\da-f-]{27}|msg_\w+/g, 'an id')
  return value
}

const changing = /^(?:.*_ms|idle_since|seq|at|.*_at|cursor|clients|memory_bytes|ended|threads|.*tokens|pid)$/
