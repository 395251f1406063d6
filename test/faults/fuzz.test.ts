import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { startCodexHost } from '#codex'
import { silentLog, systemClock } from '#kernel'
import { fakeCodex, openPlace } from '../../src/codex/harness.ts'
import { memoryOf } from '../support/daemon-process.ts'
import { fault, repeated } from '../support/fault.ts'
import { mutatedLines } from '../support/mutations.ts'
import { connectRaw } from '../support/raw-client.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import type { RawClient } from '../support/raw-client.ts'
import type { TandemWorld } from '../support/tandem-world.ts'

const count = repeated(100_000)
const caller = { door: 'socket', client: 'fuzz' }
const call = (method: string, input: object): object => ({ jsonrpc: '2.0', id: 1, method, params: { caller, input } })

const frames = [
  { jsonrpc: '2.0', id: 0, method: 'hello', params: { protocol: 1, version: '1.0.0', client: 'fuzz' } },
  call('status', {}),
  call('turns', { limit: 5 }),
  call('threads', {}),
  call('events', { cursor: 0, limit: 5, kinds: ['text'] }),
  call('wait', { turn_id: 'turn_0', wait_ms: 1 }),
  call('cancel', { turn_id: 'turn_0' }),
  call('steer', { turn_id: 'turn_0', text: 'x' }),
  call('settings', { cd: '/tmp', effort: 'high' }),
  call('result', { turn_id: 'turn_0' }),
  call('policy_show', {}),
  { jsonrpc: '2.0', method: 'detach', params: { id: 1 } },
]
const plainFrames = [
  { command: '/codex-status' },
  { command: '/codex-ask', prompt: 'x', cd: '/nowhere' },
  { command: '/codex-sessions', limit: 3 },
]
const hello = `${JSON.stringify(frames[0])}\n`

const place = { threadId: 'T', turnId: 'U' }
const item = { id: 'i', type: 'agentMessage', text: 'hello', phase: 'final' }
const tokens = { totalTokens: 5, inputTokens: 3, cachedInputTokens: 1, outputTokens: 2, reasoningOutputTokens: 0 }
const messages = [
  { method: 'turn/started', params: { threadId: 'T', turn: { id: 'U', items: [], status: 'inProgress' } } },
  { method: 'item/started', params: { ...place, item } },
  { method: 'item/completed', params: { ...place, item } },
  {
    method: 'item/completed',
    params: {
      ...place,
      item: {
        id: 'c',
        type: 'commandExecution',
        command: 'ls',
        cwd: '/',
        status: 'completed',
        aggregatedOutput: 'x',
        exitCode: 0,
        durationMs: 5,
      },
    },
  },
  {
    method: 'item/completed',
    params: {
      ...place,
      item: {
        id: 'f',
        type: 'fileChange',
        status: 'completed',
        changes: [{ path: 'a', kind: { type: 'add' }, diff: '+x' }],
      },
    },
  },
  { method: 'item/agentMessage/delta', params: { ...place, itemId: 'i', delta: 'hel' } },
  { method: 'item/reasoning/textDelta', params: { ...place, itemId: 'r', delta: 'hm', contentIndex: 0 } },
  { method: 'item/commandExecution/outputDelta', params: { ...place, itemId: 'c', delta: 'x' } },
  {
    method: 'thread/tokenUsage/updated',
    params: { ...place, tokenUsage: { total: tokens, last: tokens, modelContextWindow: 1000 } },
  },
  {
    method: 'account/rateLimits/updated',
    params: { rateLimits: { limitId: 'codex', primary: { usedPercent: 5, windowMinutes: 300, resetsAt: 1 } } },
  },
  { method: 'turn/diff/updated', params: { ...place, diff: 'diff --git a/x b/x' } },
  { method: 'turn/plan/updated', params: { ...place, explanation: 'x', plan: [{ step: 'one', status: 'pending' }] } },
  {
    method: 'error',
    params: { ...place, error: { message: 'no', codexErrorInfo: 'other', additionalDetails: null }, willRetry: true },
  },
  { method: 'configWarning', params: { summary: 'x', details: null } },
  { id: 7, method: 'item/commandExecution/requestApproval', params: { ...place, itemId: 'c', reason: 'x' } },
  { id: 'q', method: 'item/tool/call', params: { ...place, callId: 'x', tool: 't', arguments: {} } },
  { id: 3, result: { thread: { id: 'T' } } },
  { id: 99, error: { code: -32600, message: 'no' } },
]

describe('fuzzed', () => {
  fault(
    {
      fault: `${count} fuzzed frames at the socket`,
      injected:
        'fast-check: valid JSON-RPC and plain frames with members changed, dropped, nested 20,000 deep, cut, doubled or turned into bytes, over real connections',
      expected: 'no crash, no hang, no error of ours (BUG), bounded memory; others are served meanwhile',
      timeoutMs: 900_000,
    },
    async () => {
      // What is accepted needs no Codex: it fails at once.
      await using world = await openTandemWorld([], { codex: { path: '/nonexistent/codex' } })
      await world.tandem(['up'])
      const user = openUser(world)
      const { pid } = await user.call('status', {})
      const before = memoryOf(pid)
      const codes = new Map<string, number>()
      const lines = [
        ...mutatedLines(frames, Math.round(count * 0.95), 1),
        ...mutatedLines(plainFrames, Math.round(count * 0.05), 2),
      ]
      let slowest = 0
      for (let at = 0; at < lines.length; at += 500) {
        const isPlain = at >= count * 0.95
        await sendAll(world, lines.slice(at, at + 500), { codes, greeting: isPlain ? '' : hello })
        const began = performance.now()
        expect((await user.call('status', {})).pid).toBe(pid)
        slowest = Math.max(slowest, performance.now() - began)
      }
      const grown = memoryOf(pid) - before
      expect([...codes.keys()].filter(code => code === 'BUG' || code === 'none')).toEqual([])
      expect(grown).toBeLessThan(300e6)
      const log = (await world.tandem(['logs', '-n', '2000'])).out
      expect(log).not.toMatch(/fault of ours|could not be written as JSON|died of a fault/)
      const top = [...codes].toSorted((a, b) => b[1] - a[1]).slice(0, 4)
      return `${top.map(([code, times]) => `${times} ${code}`).join(', ')}, … ${codes.size} codes, no BUG; memory rose by ${Math.round(grown / 1e6)} MB; slowest status between ${slowest.toFixed(0)} ms`
    },
  )

  fault(
    {
      fault: `${count} fuzzed messages of the app-server`,
      injected:
        'a program in place of Codex that shakes hands and then sends mutated notifications, requests and answers, in pieces of random length',
      expected:
        'no crash, no hang: a request after all of them is answered; what is not understood is counted; bounded memory',
      timeoutMs: 900_000,
    },
    async () => {
      await using home = await openPlace()
      const lines = mutatedLines(messages, count, 3)
      writeFileSync(join(home.home, 'lines'), Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])))
      const binary = await fakeCodex(home, streaming(join(home.home, 'lines')))
      await using host = await startCodexHost({
        binary,
        env: { PATH: '/usr/bin:/bin' },
        stateDir: home.stateDir,
        clock: systemClock,
        log: silentLog,
      })
      const connection = await host.connection({ timeoutMs: 15_000 })
      const before = process.memoryUsage().rss
      let events = 0
      using _listening = connection.onEvent(() => void (events += 1))
      const began = performance.now()
      expect(await connection.listModels()).toEqual([])
      const tookMs = performance.now() - began
      const grown = process.memoryUsage().rss - before
      expect(events).toBeGreaterThan(count / 3)
      expect(grown).toBeLessThan(300e6)
      const { malformedLines, malformedMessages, unread } = connection.counts
      expect(malformedLines).toBeGreaterThan(0)
      expect(Object.keys(unread).length).toBeLessThanOrEqual(200)
      return `${events} events, ${malformedLines} lines and ${malformedMessages} messages not understood, in ${(tookMs / 1000).toFixed(1)} s; the next request was answered; memory rose by ${Math.max(0, Math.round(grown / 1e6))} MB`
    },
  )

  fault(
    {
      fault: `${repeated(10_000)} fuzzed messages of the app-server in turns of the daemon`,
      injected:
        'the same program as Codex of the released daemon: the messages come on the thread of a turn that runs, which then completes',
      expected: 'no crash, no hang: the turn ends, the daemon is the same, the next turn works',
      timeoutMs: 900_000,
    },
    async () => {
      await using world = await openTandemWorld([])
      const lines = mutatedLines(messages, repeated(10_000), 4)
      writeFileSync(join(world.folder, 'lines'), Buffer.concat(lines.flatMap(line => [line, Buffer.from('\n')])))
      const binary = await fakeCodex({ home: world.folder } as never, turnBody(join(world.folder, 'lines')))
      writeFileSync(
        world.places.configFile,
        `[codex]\npath = ${JSON.stringify(await withVersion(world, binary.path))}\n`,
      )
      await world.tandem(['up'])
      const user = openUser(world)
      const { pid } = await user.call('status', {})
      const answer = await user.answer('hello')
      expect(['completed', 'failed', 'interrupted']).toContain(answer.status)
      const next = await user.answer('again')
      expect([next.status, next.error]).toEqual(['completed', null])
      expect((await user.call('status', {})).pid).toBe(pid)
      const log = (await world.tandem(['logs', '-n', '2000'])).out
      expect(log).not.toMatch(/died of a fault|fault of ours/)
      const { events } = await user.call('events', { turn_id: answer.turn_id, limit: 500 })
      return `the turn ended as ${answer.status}${answer.error === null ? '' : ` (${answer.error.code})`} with ${events.length}${events.length === 500 ? '+' : ''} events; the next one completed; same daemon`
    },
  )
})

/** On a few connections; each line is answered, or its connection ended. */
async function sendAll(
  world: TandemWorld,
  lines: readonly Buffer[],
  { codes, greeting }: { readonly codes: Map<string, number>; readonly greeting: string },
): Promise<void> {
  const raws = await Promise.all(Array.from({ length: 4 }, () => connectRaw(world.places.socketPath)))
  await Promise.all(
    raws.map(async (raw, index) => {
      const own = lines.filter((_, at) => at % raws.length === index)
      const answers = answersOf(raw)
      if (greeting !== '') raw.write(greeting)
      for (const line of own) raw.write(Buffer.concat([line, Buffer.from('\n')]))
      raw.socket.end()
      for (const answer of await answers) {
        const code = codeOf(answer)
        codes.set(code, (codes.get(code) ?? 0) + 1)
      }
      raw[Symbol.dispose]()
    }),
  )
}

/** Until the other side ends, or for so long: an event stream that somebody asked for goes on. */
const answersOf = (raw: RawClient): Promise<readonly Record<string, unknown>[]> => {
  const timer = setTimeout(() => raw.socket.destroy(), 20_000)
  return raw.rest().finally(() => clearTimeout(timer))
}

function codeOf(answer: Record<string, unknown>): string {
  if (!('error' in answer) || answer['error'] === null) return 'answered'
  const { data, code } = answer['error'] as { readonly data?: { readonly code: string }; readonly code?: string }
  return data?.code ?? code ?? 'none'
}

/** Answers a list of models when the lines of the file are sent. */
const streaming = (file: string): string => `
const { createReadStream } = await import('node:fs')
on = message => {
  if (message.method !== 'model/list') return send({ id: message.id, result: {} })
  const size = 1 + Math.floor(Math.random() * 65536)
  createReadStream(file, { highWaterMark: size }).on('data', part => process.stdout.write(part)).on('end', () => send({ id: message.id, result: { data: [] } }))
}
const file = ${JSON.stringify(file)}`

/** A turn of thread T and turn U gets all lines of the file, the next ones only their end. */
const turnBody = (file: string): string => `
const { readFileSync } = await import('node:fs')
let turns = 0
let thread = ''
on = message => {
  const { id, method } = message
  if (method === 'thread/start') return send({ id, result: { thread: { id: (thread = turns === 0 ? 'T' : 'T' + turns), turns: [] }, model: 'gpt-5.5' } })
  if (method === 'model/list') return send({ id, result: { data: [] } })
  if (method !== 'turn/start') return send({ id, result: {} })
  turns += 1
  const turn = turns === 1 ? 'U' : 'U' + turns
  send({ id, result: { turn: { id: turn, items: [], status: 'inProgress' } } })
  send({ method: 'turn/started', params: { threadId: thread, turn: { id: turn, items: [], status: 'inProgress' } } })
  if (turns === 1) raw(readFileSync(${JSON.stringify(file)}, 'latin1') + '\\n')
  send({ method: 'item/completed', params: { threadId: thread, turnId: turn, item: { id: 'last', type: 'agentMessage', text: 'done' } } })
  send({ method: 'turn/completed', params: { threadId: thread, turn: { id: turn, items: [], status: 'completed' } } })
}`

/** The program of the harness does not tell its version when it is asked on the command line. */
async function withVersion(world: TandemWorld, program: string): Promise<string> {
  const path = join(world.folder, 'codex-program')
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\nexec ${program} "$@"\n`, {
    mode: 0o755,
  })
  return path
}
