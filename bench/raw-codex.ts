import { findCodex } from '#codex'
import type { World } from './figure.ts'
import { textAt } from './json.ts'
import { startLineRpc } from './line-rpc.ts'

/** The app-server as it is, without Tandem: what the same work takes at least. */
export interface RawCodex extends AsyncDisposable {
  readonly pid: number
  startThread(): Promise<string>
  resumeThread(threadId: string): Promise<void>
  /** From `turn/start` to `turn/completed`; answers with what the model said. */
  turn(threadId: string, prompt: string): Promise<string>
}

/** The settings are those that Tandem sends for a read-only turn, so that Codex has the same to do. */
export async function startRawCodex(world: World): Promise<RawCodex> {
  const env = world.rawEnv
  const { executable } = await findCodex({ path: env['PATH'] ?? '' })
  const rpc = await startLineRpc({ command: executable, args: ['app-server'], env, cwd: world.project })
  await rpc.request('initialize', {
    clientInfo: { name: 'tandem', version: '0.0.0' },
    capabilities: { experimentalApi: true },
  })
  rpc.notify('initialized', {})
  const settings = {
    cwd: world.project,
    permissions: profile,
    approvalPolicy: 'never',
    config: { agents: { enabled: false }, features: { multi_agent: false }, ...readOnly },
  }
  return {
    pid: rpc.pid,
    async startThread() {
      const started = await rpc.request('thread/start', settings)
      return textAt(started, 'thread', 'id')
    },
    async resumeThread(threadId) {
      await rpc.request('thread/resume', { ...settings, threadId, excludeTurns: true })
    },
    async turn(threadId, prompt) {
      const ofThread = (params: object): boolean => 'threadId' in params && params.threadId === threadId
      const ended = rpc.next('turn/completed', ofThread)
      const said = rpc.next(
        'item/completed',
        params => ofThread(params) && textAt(params, 'item', 'type') === 'agentMessage',
      )
      said.catch(() => undefined /* a turn that did not end says so first */)
      ended.catch(() => undefined)
      await rpc.request('turn/start', {
        threadId,
        input: [{ type: 'text', text: prompt, text_elements: [] }],
        cwd: world.project,
        approvalPolicy: 'never',
        permissions: profile,
        effort: 'medium',
        summary: 'none',
      })
      const status = textAt(await ended, 'turn', 'status')
      if (status !== 'completed') throw new Error(`the raw turn ended as ${status}`)
      return textAt(await said, 'item', 'text')
    },
    [Symbol.asyncDispose]: () => rpc[Symbol.asyncDispose](),
  }
}

const profile = 'bench-read'
const readOnly = {
  default_permissions: profile,
  permissions: { [profile]: { filesystem: { ':root': 'read' }, network: { enabled: false } } },
}
