import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { createFakeVerbs, startTestDoor, tempPlaces, turnAnswer } from '../../test/support/fake-daemon.ts'
import { connectRaw } from '../../test/support/raw-client.ts'
import type { SocketDoor } from '#socket'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'
import type { RawClient } from '../../test/support/raw-client.ts'

let temp: ReturnType<typeof tempPlaces>
let verbs: FakeVerbs
let door: SocketDoor
const clients: RawClient[] = []

beforeEach(async () => {
  temp = tempPlaces()
  mkdirSync(temp.places.runtimeDir, { recursive: true, mode: 0o700 })
  verbs = createFakeVerbs()
  door = await startTestDoor(temp.places.socketPath, verbs)
})
afterEach(async () => {
  for (const client of clients.splice(0)) client[Symbol.dispose]()
  await door[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
})

async function connect(): Promise<RawClient> {
  const client = await connectRaw(temp.places.socketPath)
  clients.push(client)
  return client
}

const settings = (more: object = {}): object => ({
  effective: { effort: 'high', reasoning: true, final_only: false, ...more },
  global: {},
  project: {},
})

describe('the plain frames', () => {
  it('asks in the home directory, read-only, when no directory is given', async () => {
    const client = await connect()
    client.send({ command: '/codex-ask', question: '你是谁' })
    const asked = await verbs.nth(0)
    expect(asked).toMatchObject({
      verb: 'ask',
      input: { prompt: '你是谁', cd: '/home/somebody', sandbox: 'read-only' },
    })
    expect(asked.options.caller).toEqual({ door: 'plain' })
    asked.answer(turnAnswer({ agent_messages: '我是 Codex' }))
    expect(await client.next()).toEqual({
      success: true,
      response: '我是 Codex',
      session_id: 'thread-1',
      turn_id: 'turn_1',
    })
  })

  it('passes directory, session and sandbox', async () => {
    const client = await connect()
    client.send({ command: '/codex-ask', question: 'q', workdir: '/w', session_id: 'last', sandbox: 'workspace-write' })
    expect((await verbs.nth(0)).input).toMatchObject({ cd: '/w', session_id: 'last', sandbox: 'workspace-write' })
  })

  it.each([
    [{ level: 'high' }, { effort: 'high', scope: 'global' }],
    [
      { value: 'low', cd: '/p' },
      { effort: 'low', cd: '/p', scope: 'project' },
    ],
    [{ argument: 'default' }, { effort: 'default', scope: 'global' }],
    [{}, { scope: 'global' }],
  ])('/codex-config %j', async (members, input) => {
    const client = await connect()
    client.send({ command: '/codex-config', ...members })
    const asked = await verbs.nth(0)
    expect(asked).toMatchObject({ verb: 'settings', input })
    asked.answer(settings())
    expect(await client.next()).toEqual({ success: true, response: 'effort: high' })
  })

  it.each([
    ['/codex-reasoning', 'reasoning', 'on', 'reasoning: on'],
    ['/codex-final_only', 'final_only', 'off', 'final_only: off'],
  ])('%s', async (command, member, value, response) => {
    const client = await connect()
    client.send({ command, value })
    const asked = await verbs.nth(0)
    expect(asked.input).toMatchObject({ [member]: value })
    asked.answer(settings())
    expect(await client.next()).toEqual({ success: true, response })
  })

  it('/codex-status', async () => {
    const client = await connect()
    client.send({ command: '/codex-status' })
    ;(await verbs.nth(0)).answer({
      version: '1.0.0',
      pid: 7,
      is_stopping: false,
      codex: { kind: 'ready', version: '0.169.0', detail: null },
      turns: { running: 1, queued: 2, ended: 3 },
      threads: 4,
      clients: 5,
    })
    expect(await client.next()).toEqual({
      success: true,
      response:
        'daemon: running, version 1.0.0, pid 7\ncodex: ready, 0.169.0\nturns: 1 running, 2 queued, 3 ended\nthreads: 4, clients: 5',
    })
  })

  it.each([
    ['an unknown command', { command: '/codex-fly' }, /^PLAIN_COMMAND_UNKNOWN: .*\ncommands are \/codex-ask, /],
    ['a command that is a name of every object', { command: 'constructor' }, /^PLAIN_COMMAND_UNKNOWN: /],
    ['a command that is no text', { command: 7 }, /^INPUT_INVALID: command: /],
    ['no question', { command: '/codex-ask' }, /^INPUT_INVALID: prompt: /],
    ['an unknown member', { command: '/codex-ask', question: 'q', sesion_id: 'x' }, /sesion_id/],
    ['a bogus level', { command: '/codex-config', level: 'loud' }, /^INPUT_INVALID: effort: /],
    ['a bogus switch', { command: '/codex-reasoning', value: 'maybe' }, /^INPUT_INVALID: reasoning: /],
    [
      'writing nowhere',
      { command: '/codex-ask', question: 'q', sandbox: 'workspace-write' },
      /^PLAIN_DIRECTORY_NEEDED: /,
    ],
  ])('refuses %s in its own shape', async (_, frame, response) => {
    const client = await connect()
    client.send(frame)
    expect(await client.next()).toEqual({ success: false, response: expect.stringMatching(response) })
    expect(verbs.calls).toEqual([])
  })

  it('tells a failure with code and hint, and keeps what was said', async () => {
    const client = await connect()
    client.send({ command: '/codex-ask', question: 'q' })
    ;(await verbs.nth(0)).fail(new AppError('CODEX_MISSING', 'unavailable', 'no codex', { hint: 'install it' }))
    expect(await client.next()).toEqual({ success: false, response: 'CODEX_MISSING: no codex\ninstall it' })
    client.send({ command: '/codex-ask', question: 'q' })
    const error = { code: 'TURN_SILENT', kind: 'timeout', message: 'silent', hint: 'ask again' }
    ;(await verbs.nth(1)).answer(turnAnswer({ success: false, status: 'failed', agent_messages: 'so far', error }))
    expect(await client.next()).toMatchObject({ success: false, response: 'so far\nTURN_SILENT: silent\nask again' })
  })

  it('says that a turn goes on, and shows all messages when there are', async () => {
    const client = await connect()
    client.send({ command: '/codex-ask', question: 'q' })
    ;(await verbs.nth(0)).answer(turnAnswer({ success: false, status: 'running', agent_messages: '' }))
    expect(await client.next()).toMatchObject({ response: 'the turn is running and goes on: tandem wait turn_1' })
    client.send({ command: '/codex-ask', question: 'q' })
    const all = [
      { kind: 'reasoning' as const, text: 'hm' },
      { kind: 'message' as const, text: 'yes' },
    ]
    ;(await verbs.nth(1)).answer(turnAnswer({ all_messages: all }))
    expect(await client.next()).toMatchObject({ response: 'hm\n\nyes' })
  })

  it('answers several lines in their order', async () => {
    const client = await connect()
    client.send({ command: '/codex-config', level: 'low' })
    client.send({ command: '/codex-reasoning', value: 'on' })
    client.write('not json\n')
    ;(await verbs.nth(0)).answer(settings({ effort: 'low' }))
    ;(await verbs.nth(1)).answer(settings())
    const answers = [await client.next(), await client.next(), await client.next()]
    expect(answers).toContainEqual({ success: false, response: expect.stringContaining('SOCKET_FRAME_MALFORMED') })
    expect(answers.filter(answer => answer['success'] === true)).toEqual([
      { success: true, response: 'effort: low' },
      { success: true, response: 'reasoning: on' },
    ])
  })

  it('answers an object without a newline and closes, as clients of the plain protocol expect', async () => {
    const client = await connect()
    client.write('{"command": "/codex-ask", "ques')
    await new Promise(resolve => void setImmediate(resolve))
    client.write('tion": "q"}')
    ;(await verbs.nth(0)).answer(turnAnswer())
    expect(await client.rest()).toEqual([expect.objectContaining({ success: true, response: 'hello' })])
  })

  it('answers one that ended its side, and lets go of one that left', async () => {
    const client = await connect()
    client.socket.end('{"command": "/codex-ask", "question": "q"}')
    ;(await verbs.nth(0)).answer(turnAnswer())
    expect(await client.rest()).toEqual([expect.objectContaining({ success: true })])
    const other = await connect()
    other.send({ command: '/codex-ask', question: 'q' })
    const asked = await verbs.nth(1)
    other.socket.destroy()
    await expect.poll(() => asked.options.signal?.aborted).toBe(true)
  })

  it('answers malformed first lines in both shapes, as nobody knows yet which is meant', async () => {
    const client = await connect()
    client.write('{"command": /codex-ask}\n')
    expect(await client.next()).toMatchObject({
      success: false,
      response: expect.stringContaining('SOCKET_FRAME_MALFORMED'),
    })
    client.send({ command: '/codex-config', level: 'high' })
    ;(await verbs.nth(0)).answer(settings())
    expect(await client.next()).toEqual({ success: true, response: 'effort: high' })
  })

  it('takes no new work while the daemon stops, but lets one look', async () => {
    const client = await connect()
    door.stopAccepting('down')
    for (const frame of [
      { command: '/codex-ask', question: 'q' },
      { command: '/codex-config', level: 'high' },
      { command: '/codex-reasoning', value: 'on' },
      { command: '/codex-final_only', value: 'off' },
    ]) {
      client.send(frame)
      expect(await client.next()).toEqual({ success: false, response: expect.stringMatching(/^DAEMON_STOPPING: /) })
    }
    expect(verbs.calls).toEqual([])
    client.send({ command: '/codex-config' })
    const looked = await verbs.nth(0)
    expect([looked.verb, looked.input]).toEqual(['settings', { scope: 'global' }])
    looked.answer(settings())
    expect(await client.next()).toEqual({ success: true, response: 'effort: high' })
  })

  it('tells open questions that the daemon stops', async () => {
    const client = await connect()
    client.send({ command: '/codex-ask', question: 'q' })
    await verbs.nth(0)
    await door[Symbol.asyncDispose]()
    expect(await client.rest()).toEqual([{ success: false, response: expect.stringContaining('DAEMON_STOPPING') }])
  })
})
