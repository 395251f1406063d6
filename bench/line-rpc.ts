import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { JsonObject } from './json.ts'

/** A JSON-RPC client for a program that speaks one object a line: Codex's app-server, and MCP. As thin as can be. */
export interface LineRpc extends AsyncDisposable {
  readonly pid: number
  request(method: string, params: JsonObject): Promise<JsonObject>
  notify(method: string, params: JsonObject): void
  /** The next notification of this method that fits; ask before you send what leads to it. */
  next(method: string, fits: (params: JsonObject) => boolean): Promise<JsonObject>
}

export interface LineRpcOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

interface Waiting {
  readonly method: string
  readonly fits: (params: JsonObject) => boolean
  readonly found: PromiseWithResolvers<JsonObject>
}

export async function startLineRpc(options: LineRpcOptions): Promise<LineRpc> {
  const child = spawn(options.command, [...options.args], {
    env: { ...options.env },
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  await once(child, 'spawn')
  const pending = new Map<number, PromiseWithResolvers<JsonObject>>()
  const waiting = new Set<Waiting>()
  let lastId = 0
  const ended = once(child, 'exit').then(() => {
    const error = new Error(`${options.command} ended with ${child.exitCode ?? child.signalCode}`)
    for (const each of pending.values()) each.reject(error)
    for (const { found } of waiting) found.reject(error)
  })
  child.stdin.on('error', () => undefined /* it ended: whoever waits is told */)
  const send = (message: JsonObject): void =>
    void child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

  createInterface({ input: child.stdout }).on('line', line => {
    const { id, method, params, result, error } = JSON.parse(line) as JsonObject & { params?: JsonObject }
    if (typeof method === 'string') return heard(method, params ?? {})
    const asked = pending.get(Number(id))
    pending.delete(Number(id))
    if (error === undefined) asked?.resolve(result as JsonObject)
    else asked?.reject(new Error(`refused: ${JSON.stringify(error)}`))
  })

  function heard(method: string, params: JsonObject): void {
    for (const each of waiting) {
      if (each.method !== method || !each.fits(params)) continue
      waiting.delete(each)
      each.found.resolve(params)
    }
  }

  return {
    pid: child.pid ?? 0,
    request(method, params) {
      const id = (lastId += 1)
      const answer = Promise.withResolvers<JsonObject>()
      pending.set(id, answer)
      send({ id, method, params })
      return answer.promise
    },
    notify: (method, params) => send({ method, params }),
    next(method, fits) {
      const found = Promise.withResolvers<JsonObject>()
      waiting.add({ method, fits, found })
      return found.promise
    },
    async [Symbol.asyncDispose]() {
      for (const each of pending.values()) each.promise.catch(() => undefined)
      for (const { found } of waiting) found.promise.catch(() => undefined)
      child.stdin.end()
      const kill = setTimeout(() => child.kill('SIGKILL'), endMs)
      await ended
      clearTimeout(kill)
    },
  }
}

/** The end of their input ends both programs; one that hangs is killed. */
const endMs = 5000
