import { PassThrough, Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { AppError, silentLog } from '#kernel'
import { runMcp } from './index.ts'
import type { CallOptions, VerbCaller } from '#contracts'

function started() {
  const stdin = new PassThrough()
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const signals: (() => void)[] = []
  const seen: CallOptions[] = []
  const fake = {
    call: (_verb: string, _input: unknown, options: CallOptions) => {
      seen.push(options)
      return new Promise((_resolve, reject) => {
        options.signal?.addEventListener('abort', () => reject(new AppError('CANCELLED', 'unavailable', 'left')))
      })
    },
  }
  const exit = runMcp({
    verbs: fake as unknown as VerbCaller,
    caller: { door: 'mcp' },
    version: '1',
    log: silentLog,
    stdin,
    stdout,
    stderr,
    signals: {
      onInterrupt(listener) {
        signals.push(listener)
        return { [Symbol.dispose]: () => void signals.splice(signals.indexOf(listener), 1) }
      },
    },
  })
  let id = 0
  const send = (method: string, params: unknown): void => {
    id += 1
    stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
  }
  const hello = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  return { stdin, stdout, stderr, signals, seen, exit, send, initialize: () => send('initialize', hello) }
}

const linesOf = (stream: PassThrough): unknown[] =>
  String(stream.read() ?? '')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as unknown)

test('speaks the protocol that Claude Code asks for, and answers what was asked just before the end', async () => {
  const mcp = started()
  mcp.initialize()
  mcp.send('tools/list', {})
  mcp.stdin.end()
  expect(await mcp.exit).toBe(0)
  const lines = linesOf(mcp.stdout)
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatchObject({ id: 1, result: { protocolVersion: '2025-11-25', serverInfo: { name: 'tandem' } } })
})

test('the end of stdin detaches from what is being waited for', async () => {
  const mcp = started()
  mcp.initialize()
  mcp.send('tools/call', { name: 'codex_wait', arguments: { turn_id: 't' } })
  await expect.poll(() => mcp.seen.length).toBe(1)
  mcp.stdin.end()
  expect(await mcp.exit).toBe(0)
  expect(mcp.seen[0]?.signal?.aborted).toBe(true)
})

test('an interrupt detaches, too, and its listener is gone afterwards', async () => {
  const mcp = started()
  mcp.initialize()
  mcp.send('tools/call', { name: 'codex_wait', arguments: { turn_id: 't' } })
  await expect.poll(() => mcp.seen.length).toBe(1)
  mcp.signals[0]?.()
  expect(await mcp.exit).toBe(0)
  expect(mcp.seen[0]?.signal?.aborted).toBe(true)
  expect(mcp.signals).toEqual([])
})

test('notifications/cancelled aborts that call only', async () => {
  const mcp = started()
  mcp.initialize()
  mcp.send('tools/call', { name: 'codex_wait', arguments: { turn_id: 't' } })
  mcp.send('tools/call', { name: 'codex_wait', arguments: { turn_id: 'u' } })
  await expect.poll(() => mcp.seen.length).toBe(2)
  const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } }
  mcp.stdin.write(`${JSON.stringify(cancel)}\n`)
  await expect.poll(() => mcp.seen.map(options => options.signal?.aborted)).toEqual([true, false])
  mcp.stdin.end()
  await mcp.exit
})

test('what others write to stdout goes to stderr while it serves, and nowhere else afterwards', async () => {
  const mcp = started()
  mcp.stdout.write('a stray line')
  mcp.initialize()
  mcp.stdin.end()
  await mcp.exit
  expect(linesOf(mcp.stdout)).toHaveLength(1)
  expect(String(mcp.stderr.read())).toBe('a stray line')
  mcp.stdout.write('after')
  expect(String(mcp.stdout.read())).toBe('after')
})

test('garbage on stdin is survived', async () => {
  const mcp = started()
  mcp.stdin.write('not json\n{"jsonrpc":"2.0"}\n\n')
  mcp.initialize()
  mcp.stdin.end()
  expect(await mcp.exit).toBe(0)
  expect(linesOf(mcp.stdout)).toHaveLength(1)
})

test('a client that stops reading ends it', async () => {
  const stdin = new PassThrough()
  const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
  const exit = runMcp({
    verbs: { call: () => Promise.reject(new Error('not called')) },
    caller: { door: 'mcp' },
    version: '1',
    log: silentLog,
    stdin,
    stdout: broken,
    stderr: new PassThrough(),
  })
  stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`)
  expect(await exit).toBe(0)
})
