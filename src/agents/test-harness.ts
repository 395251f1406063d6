import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexEnvironment, findCodex, startCodexHost } from '#codex'
import type { CodexHost, CodexHostDeps } from '#codex'
import { configSchema, policySchema, verbs } from '#contracts'
import type { Caller, ConfigInput, PolicyInput, TurnAnswer, VerbInput } from '#contracts'
import { Secret, silentLog, systemClock } from '#kernel'
import { codexConfigFor, startScriptedModel } from '#scripted-model'
import type { Rule, ScriptedModel } from '#scripted-model'
import { openStore } from '#store'
import { openStoreArm } from '../../test/support/store-arm.ts'
import type { StoreArm } from '../../test/support/store-arm.ts'
import type { Store, StoredEvent, TurnRow } from '#store'
import { startAgents } from './start-agents.ts'
import type { Agents } from './start-agents.ts'
import { severable } from './test-severable-store.ts'
import type { SeverableStore } from './test-severable-store.ts'
import type { AskInput } from './turn-request.ts'

/** The real Codex, a scripted model, a real store; everything in a folder of its own. */
export interface Bench extends AsyncDisposable {
  readonly folder: string
  /** An empty git repository with one commit. */
  readonly project: string
  readonly model: ScriptedModel
  readonly life: Life
  /** Ends agents, Codex and store properly (`stop`), or cuts them off as a kill -9 would (`abandon`), and starts new ones. */
  nextLife(how: 'stop' | 'abandon'): Promise<Life>
  input(input: Partial<VerbInput<'ask'>>): AskInput
  /** Accepts a prompt. */
  ask(input: Partial<VerbInput<'ask'>>): Promise<TurnRow>
  /** Waits for the end of a turn, in the present life. */
  ended(turn: Pick<TurnRow, 'id'>): Promise<TurnAnswer>
  /** `ask`, then `ended`. */
  answer(input: Partial<VerbInput<'ask'>>): Promise<TurnAnswer>
  events(turn: Pick<TurnRow, 'id'>, ...kinds: readonly string[]): Promise<readonly StoredEvent[]>
  /** Resolves with the first event of the kind, past or future. */
  event(turn: Pick<TurnRow, 'id'>, kind: string): Promise<StoredEvent>
  /** What was decided about a turn after crashes, in order. */
  decisions(turn: Pick<TurnRow, 'id'>): Promise<readonly unknown[]>
  killCodex(signal?: NodeJS.Signals): void
  /** How many turns of Codex began with the prompt of ours, by Codex's own history. */
  startsInCodex(turn: Pick<TurnRow, 'id'>): Promise<number>
}

export interface Life {
  readonly agents: Agents
  readonly codex: CodexHost
  readonly store: Store
  readonly severed: SeverableStore
}

export interface BenchOptions {
  readonly config?: ConfigInput
  /** The user's policy; default: workspace-write is allowed. Read when a turn is accepted, and again right before it is sent. */
  readonly policy?: () => PolicyInput | Promise<PolicyInput>
  /** More lines of Codex's own configuration; they go into the provider's table first. */
  readonly codexConfig?: string
  /** Default: as long as for anything, so that short limits of a turn do not hit a slow start of Codex. */
  readonly codexStartMs?: number
  readonly host?: Partial<Pick<CodexHostDeps, 'limits' | 'binary'>>
  /** In place of the PATH of the tests, for what the agents run. */
  readonly path?: string
}

export const caller: Caller = { door: 'socket', client: 'test' }

/** How long anything that is waited for may take. */
const patienceMs = 60_000

export async function openBench(rules: readonly Rule[], options: BenchOptions = {}): Promise<Bench> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-agents-')))
  const model = await startScriptedModel({ scenario: { name: 'agents', rules: [...rules] } })
  const project = join(folder, 'project')
  for (const part of ['home', 'codex', 'state', 'project']) mkdirSync(join(folder, part))
  writeFileSync(join(folder, 'codex', 'config.toml'), `${codexConfigFor(model.url)}${options.codexConfig ?? ''}\n`)
  execFileSync('git', ['init', '-q', project])
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  execFileSync('git', ['-C', project, ...identity, 'commit', '-q', '--allow-empty', '-m', 'first'])
  const rows = await openStoreArm()
  let life = await startLife(folder, rows, options)
  const input = (own: Partial<VerbInput<'ask'>>): AskInput =>
    verbs.ask.input.parse({ prompt: 'hello', cd: project, ...own })
  const ask: Bench['ask'] = async own => (await life.agents.accept(input(own), caller)).turn
  const ended: Bench['ended'] = async turn =>
    life.agents.answer(await life.agents.wait(turn.id, { timeoutMs: patienceMs }))
  return {
    folder,
    project,
    model,
    get life() {
      return life
    },
    async nextLife(how) {
      await endLife(life, how)
      life = await startLife(folder, rows, options)
      return life
    },
    input,
    ask,
    ended,
    answer: async own => ended(await ask(own)),
    events: (turn, ...kinds) => eventsOf(life, turn, kinds),
    event: (turn, kind) => eventOf(life, turn, kind),
    async decisions(turn) {
      return (await eventsOf(life, turn, ['turn.reconciled'])).map(event => event.data['decision'])
    },
    killCodex: signal => killCodex(life, signal),
    startsInCodex: turn => startsInCodex(life, turn, project),
    async [Symbol.asyncDispose]() {
      await endLife(life, 'stop')
      await rows[Symbol.asyncDispose]()
      await model[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    },
  }
}

async function startLife(folder: string, rows: StoreArm, options: BenchOptions): Promise<Life> {
  const env = {
    ...process.env,
    HOME: join(folder, 'home'),
    CODEX_HOME: join(folder, 'codex'),
    ...(options.path === undefined ? {} : { PATH: options.path }),
  }
  const log = silentLog
  const file = join(folder, 'state', 'tandem.db')
  const url = rows.url === undefined ? {} : { url: new Secret(rows.url) }
  const severed = severable(await openStore({ file, clock: systemClock, log, ...url }))
  const binary = options.host?.binary ?? (await findCodex({ path: process.env['PATH'] ?? '' }))
  const stateDir = join(folder, 'state')
  const codex = await startCodexHost({
    env: codexEnvironment(env),
    stateDir,
    clock: systemClock,
    log,
    limits: options.host?.limits,
    binary,
  })
  const agents = await startAgents({
    store: severed.store,
    codex,
    clock: systemClock,
    log,
    config: configSchema.parse(options.config ?? {}),
    policy: {
      read: async () => ({
        policy: policySchema.parse((await options.policy?.()) ?? { max_sandbox: 'workspace-write' }),
        file: join(folder, 'policy.toml'),
        realFiles: [join(folder, 'policy.toml')],
      }),
    },
    homeDir: join(folder, 'home'),
    codexHome: join(folder, 'codex'),
    env,
    stateDir,
    codexStartMs: options.codexStartMs ?? patienceMs,
  })
  return { agents, codex, store: severed.store, severed }
}

async function endLife(life: Life, how: 'stop' | 'abandon'): Promise<void> {
  if (how === 'abandon') {
    life.severed.sever()
    killCodex(life)
  } else await life.agents.stop({ graceMs: 0 })
  await life.codex[Symbol.asyncDispose]()
  await life.store[Symbol.asyncDispose]()
}

function killCodex(life: Life, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (life.codex.state.kind === 'ready') process.kill(life.codex.state.pid, signal)
}

function eventsOf(life: Life, turn: Pick<TurnRow, 'id'>, kinds: readonly string[]): Promise<readonly StoredEvent[]> {
  return life.store.events.after({
    cursor: 0,
    turnId: turn.id,
    limit: 10_000,
    ...(kinds.length === 0 ? {} : { kinds }),
  })
}

async function eventOf(life: Life, turn: Pick<TurnRow, 'id'>, kind: string): Promise<StoredEvent> {
  const found = Promise.withResolvers<StoredEvent>()
  using _following = await life.agents.follow({ turnId: turn.id }, 0, event => {
    if (event.kind === kind) found.resolve(event)
  })
  const timer = setTimeout(() => found.reject(new Error(`no event ${kind} within ${patienceMs} ms`)), patienceMs)
  return await found.promise.finally(() => clearTimeout(timer))
}

async function startsInCodex(life: Life, turn: Pick<TurnRow, 'id'>, cwd: string): Promise<number> {
  const { threadId } = await life.agents.turn(turn.id)
  const connection = await life.codex.connection({ timeoutMs: patienceMs })
  const settings = { cwd, sandbox: 'read-only', approvalPolicy: 'never' } as const
  const { turns } = await connection.resumeThread(threadId ?? '', settings, { maxTurns: 100 })
  return turns.filter(entry => entry.clientMessageIds.includes(turn.id)).length
}
