import { expect, it } from 'vitest'
import { whenOver } from './when-over.ts'

function watched(maxWaitingBytes = 1000) {
  const inner: { controller?: ReadableStreamDefaultController<Uint8Array>; cancelled?: unknown } = {}
  const body = new ReadableStream<Uint8Array>({
    start: controller => void (inner.controller = controller),
    cancel: reason => void (inner.cancelled = reason ?? 'no reason'),
  })
  const told: string[] = []
  const response = whenOver(new Response(body, { status: 201, headers: { 'x-a': 'b' } }), {
    maxWaitingBytes,
    over: () => void told.push('over'),
    cut: () => void told.push('cut'),
  })
  const send = (text: string): void => inner.controller?.enqueue(new TextEncoder().encode(text))
  return { inner, told, response, send }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

it('passes all on, and is over when the last of it was taken', async () => {
  const { inner, told, response, send } = watched()
  expect([response.status, response.headers.get('x-a')]).toEqual([201, 'b'])
  send('one ')
  await settled()
  send('two')
  inner.controller?.close()
  await settled()
  expect(told).toEqual([])
  expect(await response.text()).toBe('one two')
  expect(told).toEqual(['over'])
})

it('is over at once without a body', () => {
  const told: string[] = []
  whenOver(new Response(null, { status: 202 }), {
    maxWaitingBytes: 1,
    over: () => void told.push('over'),
    cut: () => undefined,
  })
  expect(told).toEqual(['over'])
})

it('breaks as its body breaks', async () => {
  const { inner, told, response, send } = watched()
  send('one')
  inner.controller?.error(new Error('broken'))
  await expect(response.text()).rejects.toThrow('broken')
  expect(told).toEqual(['over'])
})

it.each(['before', 'while'])('is over when its reader leaves %s it reads, and the body is told', async when => {
  const { inner, told, response } = watched()
  const reader = response.body?.getReader()
  const reading = when === 'while' ? reader?.read() : undefined
  await settled()
  await reader?.cancel('gone')
  await reading
  await settled()
  expect([told, inner.cancelled]).toEqual([['over'], 'gone'])
})

it('cuts a reader for which too much waits, once, and takes no more', async () => {
  const { inner, told, response, send } = watched()
  send('x'.repeat(900))
  await settled()
  for (const _ of [1, 2, 3]) {
    if (inner.cancelled === undefined) send('y'.repeat(200))
    await settled()
  }
  expect([told, inner.cancelled]).toEqual([['over', 'cut'], 'no reason'])
  expect(await response.text()).toBe('')
})

it('lets one message be longer than may wait, and a reader that reads has as much as there is', async () => {
  const { inner, told, response, send } = watched()
  const reading = response.text()
  for (let at = 0; at < 50; at += 1) {
    send('x'.repeat(2000))
    await settled()
  }
  inner.controller?.close()
  expect(await reading).toHaveLength(100_000)
  expect(told).toEqual(['over'])
})
