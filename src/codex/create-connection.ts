import { join } from 'node:path'
import { backoffMs, AppError, sleep } from '#kernel'
import { appServerResults as results } from '#contracts'
import { createCaller } from './caller.ts'
import { hasCommandRules } from './command-rules.ts'
import { createCommandHooks } from './command-hook.ts'
import { readConfigStamp } from './config-stamp.ts'
import { createConfigReader } from './effective-config.ts'
import type { ConfigReader } from './effective-config.ts'
import { turnOf } from './items.ts'
import { createPermissionProfiles } from './permissions.ts'
import { threadConfigOf } from './thread-config.ts'
import { steerParamsOf, turnParamsOf } from './turn-params.ts'
import type { Clock } from '#kernel'
import type { Caller } from './caller.ts'
import type { CommandHook, CommandHooks } from './command-hook.ts'
import type { ConfigStamp } from './config-stamp.ts'
import type {
  CodexConnection,
  CodexCounts,
  CodexModel,
  ConnectionLimits,
  HistoryOptions,
  ThreadHistory,
  ThreadSettings,
} from './connection.ts'
import type { PermissionProfiles } from './permissions.ts'
import type { RpcPeer } from './rpc.ts'
import type { z } from 'zod'

export interface ConnectionDeps {
  readonly rpc: RpcPeer
  readonly clock: Clock
  readonly limits: ConnectionLimits
  /** Where the process lives. */
  readonly stateDir: string
  readonly codexHome: string
  readonly identity: Pick<CodexConnection, 'generation' | 'pid' | 'version' | 'closed' | 'lastByteAtMs'>
  readonly counts: () => CodexCounts
  readonly onEvent: CodexConnection['onEvent']
}

/** The verbs of a connection over a peer that has shaken hands. */
export function createConnection(deps: ConnectionDeps): CodexConnection {
  const call = createCaller(deps.rpc, deps.limits)
  const profiles = createPermissionProfiles()
  const hooks = createCommandHooks({
    call,
    folder: join(deps.stateDir, 'denied-commands'),
    closed: deps.identity.closed,
  })
  return {
    ...deps.identity,
    get counts() {
      return deps.counts()
    },
    onEvent: deps.onEvent,
    ...threadVerbs(call, deps, { profiles, hooks }),
    ...turnVerbs(call, { profiles, hooks }),
    listModels: () => listModels(call),
  }
}

type ThreadVerbs = Pick<
  CodexConnection,
  | 'expectThread'
  | 'startThread'
  | 'resumeThread'
  | 'readThread'
  | 'archiveThread'
  | 'unarchiveThread'
  | 'cleanBackgroundTerminals'
>

interface Safeguards {
  readonly profiles: PermissionProfiles
  readonly hooks: CommandHooks
}

function threadVerbs(call: Caller, deps: ConnectionDeps, { profiles, hooks }: Safeguards): ThreadVerbs {
  const stampOf = (cwd: string): Promise<ConfigStamp> => readConfigStamp(cwd, deps.codexHome)
  const own = { ...deps, profiles, effectiveConfig: createConfigReader({ call, clock: deps.clock, stampOf }) }
  return {
    expectThread: cwd => own.effectiveConfig.ahead(cwd),
    async startThread(settings) {
      const hook = await hooks.open()
      const params = await threadParamsOf(settings, { ...own, hook })
      const started = await call.quick('thread/start', results['thread/start'], params)
      hook.attach(started.thread.id)
      return { threadId: started.thread.id, model: started.model ?? null }
    },
    async resumeThread(threadId, settings, options = {}) {
      const hook = await hooks.open(threadId)
      const settled = await threadParamsOf(settings, { ...own, hook })
      const params = { ...settled, threadId, excludeTurns: true, initialTurnsPage: pageOf(options) }
      const resumed = await whenFree(deps.clock, deps.limits.writerWaitMs, () =>
        call.slow('thread/resume', results['thread/resume'], params),
      )
      hook.attach(threadId)
      return historyOf(threadId, resumed.initialTurnsPage ?? { data: [] })
    },
    async readThread(threadId, options = {}) {
      const params = { threadId, ...pageOf(options) }
      return historyOf(threadId, await call.slow('thread/turns/list', results['thread/turns/list'], params))
    },
    archiveThread: threadId => call.simple('thread/archive', { threadId }),
    unarchiveThread: threadId => call.simple('thread/unarchive', { threadId }),
    cleanBackgroundTerminals: threadId => call.simple('thread/backgroundTerminals/clean', { threadId }),
  }
}

function turnVerbs(
  call: Caller,
  { profiles, hooks }: Safeguards,
): Pick<CodexConnection, 'denyCommands' | 'startTurn' | 'steerTurn' | 'interruptTurn'> {
  return {
    denyCommands: (threadId, denied) => hooks.deny(threadId, denied),
    async startTurn(input) {
      await hooks.deny(input.threadId, input.deniedCommands ?? [])
      const started = await call.quick('turn/start', results['turn/start'], turnParamsOf(input, profiles))
      return { codexTurnId: started.turn.id }
    },
    steerTurn: input => call.simple('turn/steer', steerParamsOf(input)),
    interruptTurn: turn => call.simple('turn/interrupt', { threadId: turn.threadId, turnId: turn.codexTurnId }),
  }
}

async function threadParamsOf(
  settings: ThreadSettings,
  own: Pick<ConnectionDeps, 'stateDir' | 'codexHome'> & {
    readonly profiles: PermissionProfiles
    readonly hook: CommandHook
    readonly effectiveConfig: Pick<ConfigReader, 'read'>
  },
): Promise<object> {
  const { profiles, stateDir, codexHome } = own
  const [effective, hasRules] = await Promise.all([
    own.effectiveConfig.read(settings.cwd),
    hasCommandRules(settings.cwd, codexHome),
  ])
  const hidden = hasRules ? [stateDir] : []
  return {
    cwd: settings.cwd,
    ...profiles.ofThread(settings.sandbox),
    approvalPolicy: settings.approvalPolicy ?? 'never',
    model: settings.model,
    modelProvider: settings.provider,
    developerInstructions: settings.developerInstructions,
    baseInstructions: settings.baseInstructions,
    config: threadConfigOf({
      effective,
      wanted: settings.config ?? {},
      mcpServers: settings.mcpServers ?? [],
      safeguards: { ...profiles.config(hidden), ...own.hook.config },
    }),
  }
}

/** An older process of ours may still be dying with the thread in its hands. */
async function whenFree<T>(clock: Clock, waitMs: number, task: () => Promise<T>): Promise<T> {
  const deadline = clock.monotonic() + waitMs
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await task()
    } catch (error) {
      const isHeld = error instanceof AppError && error.code === 'CODEX_THREAD_HELD'
      if (!isHeld || clock.monotonic() >= deadline) throw error
    }
    await sleep(backoffMs(attempt, { firstMs: 50, maxMs: 500 }))
  }
}

type TurnsPage = z.output<(typeof results)['thread/turns/list']>
type ModelsPage = z.output<(typeof results)['model/list']>

/** The latest turns with everything that they hold. */
function pageOf(options: HistoryOptions): object {
  return { limit: options.maxTurns ?? defaultMaxTurns, sortDirection: 'desc', itemsView: 'full' }
}

function historyOf(threadId: string, page: TurnsPage): ThreadHistory {
  return { threadId, turns: page.data.map(turnOf).reverse(), isComplete: (page.nextCursor ?? null) === null }
}

async function listModels(call: Caller): Promise<readonly CodexModel[]> {
  const models: CodexModel[] = []
  let cursor: string | null = null
  for (let page = 0; page < maxModelPages; page += 1) {
    const answer: ModelsPage = await call.slow('model/list', results['model/list'], { includeHidden: true, cursor })
    models.push(...answer.data.map(modelOf))
    cursor = answer.nextCursor ?? null
    if (cursor === null) break
  }
  return models
}

function modelOf(model: ModelsPage['data'][number]): CodexModel {
  return {
    id: model.id,
    isHidden: model.hidden,
    isDefault: model.isDefault,
    efforts: model.supportedReasoningEfforts.map(each => each.reasoningEffort),
    defaultEffort: model.defaultReasoningEffort ?? null,
  }
}

const defaultMaxTurns = 8
const maxModelPages = 10
