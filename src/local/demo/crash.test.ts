import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AppError, systemClock } from '#kernel'
import { rule, say, scenario, startScriptedModel } from '#scripted-model'
import { crashInTheMiddle } from './crash.ts'
import { cutRule, promptOf } from './scenario.ts'
import { demoCaller, watchEvents } from './watch.ts'
import type { Client } from '#client'
import type { WireEvent } from '#contracts'

/** Stands for the daemon: its events, and the status of whichever process it is now. */
function createStandIn(pid: number) {
  const state = { pid, events: [] as WireEvent[], isGone: false }
  const record = (kind: string, data: Readonly<Record<string, unknown>>, turn_id = 'turn_1'): void => {
    const seq = state.events.length + 1
    state.events.push({ seq, at: 1, kind, agent_id: 'a', turn_id, session_id: null, data })
  }
  const answers: Readonly<Record<string, (input: { cursor?: number }) => unknown>> = {
    status: () => ({ pid: state.pid }),
    events({ cursor = 0 }) {
      const events = state.events.filter(event => event.seq > cursor)
      return { events, cursor: events.at(-1)?.seq ?? cursor, has_more: false }
    },
  }
  const client: Client = {
    async call(verb, input) {
      // As a daemon without news would: later.
      await setImmediate()
      if (state.isGone) throw new AppError('DAEMON_NOT_RUNNING', 'unavailable', 'no daemon')
      return answers[verb]?.(input as never) as never
    },
    connect: () => Promise.reject(new Error('not asked for')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  return { client, record, state }
}

async function startProcess() {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const ended = once(child, 'exit')
  return { pid: child.pid ?? 0, ended, [Symbol.asyncDispose]: async () => void (child.kill('SIGKILL'), await ended) }
}

const playCut = scenario('cut', [rule(cutRule, {}, [say('half')])])

test('kills the daemon in the middle of the answer, and tells who came after it and what was decided', async () => {
  await using daemon = await startProcess()
  await using model = await startScriptedModel({ scenario: playCut })
  const { client, record, state } = createStandIn(daemon.pid)
  await using watch = watchEvents(client, systemClock, () => undefined)
  const said: string[] = []
  const { signal } = new AbortController()
  record('turn.accepted', { prompt: 'another' }, 'turn_0')
  record('turn.accepted', { prompt: promptOf.documentation })
  record('text', { text: 'half of another' }, 'turn_0')
  const crash = crashInTheMiddle({ model, client, watch, say: line => said.push(line), signal })
  // Nothing happens before the model has begun and the half answer is in the store.
  await fetch(`${model.url}/v1/responses`, { method: 'POST', body: '{"input": "x", "stream": false}' })
  record('text', { text: 'half' })
  expect(await daemon.ended).toEqual([null, 'SIGKILL'])
  state.isGone = true
  record('turn.reconciled', { decision: 'continued', reason: 'it was cut' })
  record('turn.ended', { status: 'completed', error: null })
  Object.assign(state, { pid: daemon.pid + 1, isGone: false })
  expect(await crash).toMatchObject({
    turn_id: 'turn_1',
    decision: 'continued',
    reason: 'it was cut',
    old_pid: daemon.pid,
    new_pid: daemon.pid + 1,
    status: 'completed',
  })
  expect(said.at(-1)).toBe('It continued the turn: it was cut.')
})

test('gives up when the story is over', async () => {
  await using model = await startScriptedModel({ scenario: playCut })
  const { client } = createStandIn(1)
  await using watch = watchEvents(client, systemClock, () => undefined)
  const over = new AbortController()
  const crash = crashInTheMiddle({ model, client, watch, say: () => undefined, signal: over.signal })
  over.abort(new Error('Claude is gone'))
  await expect(crash).rejects.toThrow('Claude is gone')
})

test('a watch goes on where it was when the daemon was away, and tells each event once', async () => {
  const { client, record, state } = createStandIn(1)
  const seen: number[] = []
  record('text', {})
  await using watch = watchEvents(client, systemClock, event => seen.push(event.seq))
  const wait = { timeoutMs: 10_000, signal: new AbortController().signal }
  await watch.waitFor('the first', event => event.seq === 1, wait)
  state.isGone = true
  record('text', {})
  await expect(client.call('status', {}, { caller: demoCaller })).rejects.toThrow('no daemon')
  state.isGone = false
  await watch.waitFor('the second', event => event.seq === 2, wait)
  await watch.waitFor('one that is there already', event => event.seq === 1, wait)
  expect([seen, watch.events.length]).toEqual([[1, 2], 2])
  await expect(watch.waitFor('a third', event => event.seq === 3, { ...wait, timeoutMs: 1 })).rejects.toMatchObject({
    code: 'DEMO_TIMED_OUT',
    message: 'a third did not come within 1 ms',
  })
})
