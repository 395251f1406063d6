import { expect, test } from 'vitest'
import { errorShapeOf, silentLog } from '#kernel'
import { lateMcp } from './http-door-mcp.ts'
import type { McpHandler } from '#mcp'

/** Loads when it is told to. */
function loader() {
  const loads: PromiseWithResolvers<McpHandler>[] = []
  const state = { closed: 0 }
  const handler: McpHandler = {
    sessions: 3,
    sessionsInUse: 2,
    handle: () => Promise.resolve(new Response('there')),
    [Symbol.asyncDispose]: async () => void (state.closed += 1),
  }
  const load = (): Promise<McpHandler> => {
    loads.push(Promise.withResolvers())
    return loads.at(-1)?.promise ?? Promise.reject(new Error('none'))
  }
  return { loads, state, handler, mcp: lateMcp(load, silentLog) }
}

const request = (): Request => new Request('http://127.0.0.1:1/mcp')

test('is loaded once, for all who ask meanwhile', async () => {
  const { loads, handler, mcp } = loader()
  const asked = [mcp.handle(request(), () => undefined), mcp.handle(request(), () => undefined)]
  expect(mcp.sessionsInUse).toBe(0)
  loads[0]?.resolve(handler)
  for (const answer of await Promise.all(asked)) expect(await answer.text()).toBe('there')
  expect([loads.length, mcp.sessionsInUse]).toEqual([1, 2])
})

test('a load that fails is an error with a cure and no path, is tried again, and does not keep the daemon from its end', async () => {
  const { loads, handler, mcp, state } = loader()
  const failing = mcp.handle(request(), () => undefined)
  loads[0]?.reject(new Error('Cannot find module /opt/tandem/dist/mcp.js'))
  const error: unknown = await failing.catch((reason: unknown) => reason)
  expect(errorShapeOf(error)).toMatchObject({ code: 'HTTP_MCP_NOT_LOADED', kind: 'unavailable' })
  expect(errorShapeOf(error)).toMatchObject({ hint: expect.stringContaining('tandem restart') })
  expect(JSON.stringify(errorShapeOf(error))).not.toContain('/opt')
  const again = mcp.handle(request(), () => undefined)
  loads[1]?.resolve(handler)
  expect(await (await again).text()).toBe('there')
  await mcp[Symbol.asyncDispose]()
  expect(state.closed).toBe(1)
})

test('ends also while a load fails', async () => {
  const { loads, mcp, state } = loader()
  const failing = mcp.handle(request(), () => undefined)
  const ended = mcp[Symbol.asyncDispose]()
  loads[0]?.reject(new Error('broken'))
  await expect(failing).rejects.toMatchObject({ code: 'HTTP_MCP_NOT_LOADED' })
  await ended
  expect(state.closed).toBe(0)
})

test('what is loaded while it ends is closed; a request after the end loads nothing', async () => {
  const { loads, handler, mcp, state } = loader()
  const asked = mcp.handle(request(), () => undefined)
  const ended = mcp[Symbol.asyncDispose]()
  await expect(mcp.handle(request(), () => undefined)).rejects.toMatchObject({ code: 'DAEMON_STOPPING' })
  loads[0]?.resolve(handler)
  await asked
  await ended
  await expect(mcp.handle(request(), () => undefined)).rejects.toMatchObject({ code: 'DAEMON_STOPPING' })
  expect([loads.length, state.closed]).toEqual([1, 1])
})
