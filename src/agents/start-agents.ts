import { join } from 'node:path'
import type { AppError, Clock, Log, TurnId } from '#kernel'
import type { Caller, Config, ThreadSummary, TurnAnswer, TurnSummary } from '#contracts'
import { readProfile, readUserConfig } from '#codex'
import type { CodexHost, ThreadSettings } from '#codex'
import { updateAgent } from '#store'
import type { AgentRow, Store, StoredEvent, TurnRow } from '#store'
import { sessionBusy } from './errors.ts'
import { followEvents } from './follow.ts'
import type { FollowFilter } from './follow.ts'
import { createModelChooser } from './model-choice.ts'
import { gitEnvironment } from './run-git.ts'
import type { GitThread } from './run-git.ts'
import { createPolicyGuard } from './policy/policy-guard.ts'
import type { PolicyGuard, PolicySource } from './policy/policy-guard.ts'
import { createSessions, requireHere } from './sessions.ts'
import { createSettingsBook } from './settings.ts'
import type { SettingsBook } from './settings.ts'
import { createGitThread } from './start-git-thread.ts'
import { createThreadOpener } from './thread-opener.ts'
import { answerOf, threadSummaryOf, turnSummaryOf } from './turn-answer.ts'
import type { AnswerOptions } from './turn-answer.ts'
import { createTurnChanges } from './turn-changes.ts'
import type { Accepted } from './turn-intake.ts'
import { createTurnGrant } from './policy/turn-grant.ts'
import { knownRequestOf, resolveDirectory } from './turn-request.ts'
import type { AskInput, TurnRequest } from './turn-request.ts'
import { TurnService } from './turn-service.ts'
import type { TurnServiceDeps } from './turn-service.ts'
import { createTurnStore } from './turn-store.ts'
import type { TurnStore } from './turn-store.ts'
import { createWorkTree } from './work-tree.ts'

export interface AgentsDeps {
  readonly store: Store
  readonly codex: CodexHost
  readonly clock: Clock
  readonly log: Log
  readonly config: Config
  /** The user's policy. */
  readonly policy: PolicySource
  readonly codexHome: string
  /** For git: PATH, HOME and the like are taken from it. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What `~` means in the policy. */
  readonly homeDir: string
  /** Ours alone; snapshots of working trees are kept here while their turn runs. */
  readonly stateDir: string
  /** How long a turn waits for Codex to be ready. Default: `codex.start_timeout_ms`. */
  readonly codexStartMs?: number | undefined
}

/** Everything that can be done with agents, sessions and turns. */
export interface Agents {
  readonly settings: SettingsBook
  readonly policy: Pick<PolicyGuard, 'judge' | 'view'>
  readonly counts: { readonly queued: number; readonly running: number }
  /** What each turn that waits for the policy to be mended found wrong with it. */
  readonly waitingForPolicy: readonly AppError[]
  /** Whether nothing that runs would end as cut if the daemon stopped now. */
  readonly canStop: boolean
  accept(input: AskInput, caller: Caller): Promise<Accepted>
  turn(turnId: string): Promise<TurnRow>
  wait(
    turnId: TurnId,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<TurnRow>
  steer(turnId: string, message: string, caller: Caller): Promise<TurnRow>
  cancel(turnId: string, by: string): Promise<TurnRow>
  answer(turn: TurnRow, options?: AnswerOptions): Promise<TurnAnswer>
  summary(turn: TurnRow): TurnSummary
  session(sessionId: string, where: { readonly cd: string | undefined; readonly caller: Caller }): Promise<AgentRow>
  thread(agent: AgentRow): Promise<ThreadSummary>
  threads(where: {
    readonly cd: string | undefined
    readonly withArchived: boolean
    readonly limit: number
  }): Promise<readonly ThreadSummary[]>
  archive(agent: AgentRow): Promise<AgentRow>
  follow(filter: FollowFilter, cursor: number, listener: (event: StoredEvent) => void): Promise<Disposable>
  /** Running turns may end within the grace, then they are interrupted and stored as to be continued. */
  stop(options: { readonly graceMs: number; readonly now?: AbortSignal | undefined }): Promise<void>
}

/** Takes up the turns that an earlier life left open, then serves. End it with `stop`, before the store and Codex. */
export async function startAgents(deps: AgentsDeps): Promise<Agents> {
  const { store, clock } = deps
  const settings = createSettingsBook(store)
  const sessions = createSessions({ store, clock })
  const policy = createPolicyGuard({ source: deps.policy, homeDir: deps.homeDir })
  const earlier = new Set((await store.turns.open(store.nodeId)).map(turn => turn.id))
  const thread = createGitThread(deps)
  const waiting = new Map<TurnId, AppError>()
  const service = createTurnService(deps, { settings, sessions, policy, earlier, waiting, thread })
  const taken = await service.resume()
  if (taken > 0) deps.log.info({ turns: taken }, 'open turns taken up')

  async function summaryOf(agent: AgentRow): Promise<ThreadSummary> {
    return threadSummaryOf(agent, await store.turns.counts({ agentId: agent.id }))
  }

  return {
    settings,
    policy,
    get counts() {
      return service.counts
    },
    get waitingForPolicy() {
      return Array.from(waiting.values())
    },
    get canStop() {
      return service.canStop
    },
    accept: (input, caller) => service.accept(input, caller),
    turn: turnId => service.find(turnId),
    wait: (turnId, options) => service.wait(turnId, options),
    steer: (turnId, message, caller) => service.steer(turnId, message, caller),
    cancel: (turnId, by) => service.cancel(turnId, by),
    answer: (turn, options) => answerOf(deps, turn, options),
    summary: turnSummaryOf,
    session: (sessionId, where) => sessions.find(sessionId, where),
    thread: summaryOf,
    async threads({ cd, withArchived, limit }) {
      const cwd = cd === undefined ? {} : { cwd: await resolveDirectory(cd) }
      const agents = await store.agents.list({ ...cwd, withArchived, limit })
      return Promise.all(agents.map(summaryOf))
    },
    archive: agent => archive(deps, agent),
    follow: (filter, cursor, listener) => followEvents(store, filter, cursor, listener),
    async stop(options) {
      await service.stop(options)
      await thread[Symbol.asyncDispose]()
    },
  }
}

async function archive(deps: AgentsDeps, agent: AgentRow): Promise<AgentRow> {
  requireHere(agent, deps.store.nodeId)
  if (agent.status === 'archived') return agent
  const { queued, running } = await deps.store.turns.counts({ agentId: agent.id })
  if (queued + running > 0) throw sessionBusy(agent.threadId ?? agent.id, queued + running)
  await deps.store.commit({
    changes: [updateAgent(agent.id, { status: 'archived' })],
    events: [
      {
        kind: 'session.archived',
        agentId: agent.id,
        turnId: null,
        threadId: agent.threadId,
        data: { session_id: agent.threadId },
      },
    ],
  })
  return { ...agent, status: 'archived' }
}

function createTurnService(
  deps: AgentsDeps,
  parts: {
    readonly settings: SettingsBook
    readonly sessions: ReturnType<typeof createSessions>
    readonly policy: PolicyGuard
    readonly earlier: ReadonlySet<TurnId>
    readonly waiting: Map<TurnId, AppError>
    readonly thread: GitThread
  },
): TurnService {
  const { store, clock, log, config, codexHome } = deps
  const pausing = new AbortController()
  const reads = { clock, log, patienceMs: config.turns.total_timeout_ms, pausing: pausing.signal }
  const patient = createTurnStore(store, reads)
  const git = { env: gitEnvironment(deps.env), timeoutMs: config.turns.diff_timeout_ms, thread: parts.thread }
  const workTree = createWorkTree({ ...git, maxDiffBytes: config.turns.max_diff_bytes })
  const changes = createTurnChanges({ workTree, folder: join(deps.stateDir, 'trees'), clock })
  const models = createModelChooser({
    log,
    configured: request => configuredModel(deps, request),
    hadOwnEffort: turn => hadOwnEffort(patient, turn),
  })
  return new TurnService({
    store,
    clock,
    log,
    intake: {
      ...parts,
      store,
      clock,
      config,
      isRepository: cd => workTree.isRepository(cd),
      onNewSession: cd => expectThread(deps, cd),
      checkProfile: async name => void (await readProfile(codexHome, name)),
    },
    run: {
      store: patient,
      clock,
      log,
      codex: deps.codex,
      threads: createThreadOpener({ store: patient, clock, nodeId: store.nodeId }),
      limits: { ...runLimitsOf(config), codexStartMs: deps.codexStartMs ?? config.codex.start_timeout_ms },
      settingsOf: request => threadSettingsOf(deps, request),
      modelOf: (connection, turn, request) => models.choose(connection, turn, request),
      grantOf: createTurnGrant({ ...parts, clock, log, patienceMs: config.turns.queued_timeout_ms }),
      beforeStart: (turn, request) => changes.before(turn, request),
      besideStart: turnId => changes.sent(turnId),
      onWork: turnId => changes.mayChange(turnId),
    },
    conclude: { store: patient, clock, log, changes, git },
    pausing,
    limits: {
      maxRunning: config.turns.max_running,
      maxQueued: config.turns.max_queued,
      queuedMs: config.turns.queued_timeout_ms,
    },
  })
}

/** Only a Codex that is there: nothing is started for it, and nothing fails for it. */
function expectThread({ codex }: AgentsDeps, cd: string): void {
  if (codex.state.kind !== 'ready') return
  codex.connection({ timeoutMs: 1000 }).then(
    connection => connection.expectThread(cd),
    () => undefined /* The turn itself is told. */,
  )
}

function runLimitsOf({ turns }: Config): Omit<TurnServiceDeps['run']['limits'], 'codexStartMs'> {
  return {
    firstEventMs: turns.first_event_timeout_ms,
    silenceMs: turns.silence_timeout_ms,
    retryingMs: turns.retrying_timeout_ms,
    totalMs: turns.total_timeout_ms,
    maxContinuations: turns.max_continuations,
  }
}

async function threadSettingsOf({ codexHome, config }: AgentsDeps, request: TurnRequest): Promise<ThreadSettings> {
  return {
    cwd: request.cd,
    sandbox: request.sandbox,
    approvalPolicy: 'never',
    model: request.model ?? (request.profile === null ? config.codex.model : undefined),
    mcpServers: config.codex.mcp_servers,
    ...(request.profile === null ? {} : { config: await readProfile(codexHome, request.profile) }),
  }
}

/** The user's own configuration of Codex is read for each turn: it may change while we run, and it is a small file. */
async function configuredModel(
  { codexHome, config }: AgentsDeps,
  { profile }: TurnRequest,
): Promise<{
  readonly model: string | undefined
  readonly effort: string | undefined
  readonly isBuiltInProvider: boolean
}> {
  const own = profile === null ? {} : await readProfile(codexHome, profile)
  const user = await readUserConfig(codexHome)
  const provider = textIn(own, 'model_provider') ?? textIn(user, 'model_provider')
  return {
    model: textIn(own, 'model') ?? config.codex.model ?? textIn(user, 'model'),
    effort: textIn(own, effortKey) ?? config.codex.effort ?? textIn(user, effortKey),
    isBuiltInProvider: provider === undefined || provider === 'openai',
  }
}

async function hadOwnEffort(store: Pick<TurnStore, 'turns'>, turn: TurnRow): Promise<boolean> {
  const latest = await store.turns.list({ agentId: turn.agentId, limit: 20 })
  const before = latest.find(other => other.id !== turn.id && other.attempts.length > 0)
  return before !== undefined && knownRequestOf(before).effort !== null
}

const effortKey = 'model_reasoning_effort'

function textIn(config: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = config[name]
  return typeof value === 'string' ? value : undefined
}
