import { expect, test } from 'vitest'
import { AppError } from '#kernel'
import type { TurnAnswer } from '#contracts'
import { completed, connected, eventOf } from './test-harness.ts'

test('while waiting the client hears every few seconds, and at once of what happens, with a rising figure', async () => {
  const done = Promise.withResolvers<TurnAnswer>()
  await using door = await connected(() => done.promise)
  const heard: { readonly progress: number; readonly message?: string | undefined }[] = []
  const waiting = door.client.callTool({ name: 'codex', arguments: { PROMPT: 'x', cd: '/p' } }, undefined, {
    onprogress: progress => heard.push({ progress: progress.progress, message: progress.message }),
  })
  await expect.poll(() => heard.length).toBe(1)
  door.clock.advance(3000)
  await expect.poll(() => heard.length).toBe(2)
  door.calls[0]?.options.onEvent?.(eventOf('command.started', { command: 'npm   test' }))
  door.calls[0]?.options.onEvent?.(eventOf('usage', { total_tokens: 1 }))
  door.clock.advance(250)
  await expect.poll(() => heard.length).toBe(3)
  done.resolve(completed)
  await waiting
  door.clock.advance(60_000)
  expect(heard).toEqual([
    { progress: 0, message: '0 s: waiting for Codex' },
    { progress: 3, message: '3 s: waiting for Codex' },
    { progress: 3.25, message: '3 s: running: npm test' },
  ])
})

test('a client that gives up detaches: the signal aborts, nothing is cancelled', async () => {
  const left = Promise.withResolvers<void>()
  await using door = await connected(
    ({ options }) =>
      new Promise((_resolve, reject) => {
        options.signal?.addEventListener('abort', () => {
          left.resolve()
          reject(new AppError('CANCELLED', 'unavailable', 'left'))
        })
      }),
  )
  const giveUp = new AbortController()
  const waiting = door.client.callTool({ name: 'codex_wait', arguments: { turn_id: 't' } }, undefined, {
    signal: giveUp.signal,
  })
  await expect.poll(() => door.calls.length).toBe(1)
  giveUp.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await left.promise
  expect(door.calls.map(call => call.verb)).toEqual(['wait'])
})
