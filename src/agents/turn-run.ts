import { AppError, fault, messageOf } from '#kernel'
import type { Clock, Log, ThreadId, TurnId } from '#kernel'
import type { CodexConnection, CodexEvent, CodexHost, ThreadSettings, TurnInput } from '#codex'
import { updateTurn } from '#store'
import type { AgentRow, Attempt, TurnRow } from '#store'
import { createCommandWatch } from './policy/command-watch.ts'
import type { CommandWatch } from './policy/command-watch.ts'
import { nextAttempt } from './attempts.ts'
import type { NextStep } from './attempts.ts'
import { codexFailure } from './codex-failure.ts'
import type { DeadlineLimits } from './deadlines.ts'
import { createDescriptorPatience } from './descriptor-patience.ts'
import type { DescriptorPatience } from './descriptor-patience.ts'
import { turnCut, turnUnknown } from './errors.ts'
import type { ModelChoice } from './model-choice.ts'
import type { TurnGrant } from './policy/turn-grant.ts'
import { movedTo } from './thread-opener.ts'
import type { OpenedThread, ThreadOpener } from './thread-opener.ts'
import { runAttempt } from './turn-attempt.ts'
import type { AttemptEnd } from './turn-attempt.ts'
import { createWorkWatch } from './signs-of-work.ts'
import { TurnRecorder } from './turn-recorder.ts'
import { nextStep, settle } from './turn-recovery.ts'
import type { RecoveryDeps } from './turn-recovery.ts'
import { createPatientConnector } from './patient-connector.ts'
import type { PatientConnector } from './patient-connector.ts'
import type { RunOutcome } from './run-outcome.ts'
import { outcomeOfStop, RunStop } from './run-stop.ts'
import type { Stop } from './run-stop.ts'
import { Steering } from './steering.ts'
import { turnInputOf } from './turn-input.ts'
import { knownRequestOf, requestOf } from './turn-request.ts'
import type { TurnRequest } from './turn-request.ts'
import { isOpen } from './turn-status.ts'
import type { TurnStore } from './turn-store.ts'

export interface TurnRunDeps {
  readonly store: TurnStore
  readonly codex: Pick<CodexHost, 'connection' | 'restart'>
  readonly threads: ThreadOpener
  readonly clock: Clock
  readonly log: Log
  readonly limits: DeadlineLimits & { readonly maxContinuations: number; readonly codexStartMs: number }
  readonly settingsOf: (request: TurnRequest) => Promise<ThreadSettings>
  /** Model and effort to send with every turn: they are sticky in Codex, so leaving one out would keep an earlier one. */
  readonly modelOf: (connection: CodexConnection, turn: TurnRow, request: TurnRequest) => Promise<ModelChoice>
  /** What it may do, asked before each attempt; rejects when it is not allowed any more. */
  readonly grantOf: TurnGrant
  /** Called before each attempt, before Codex is told anything; answers what is to be kept of the tree before the turn. */
  readonly beforeStart: (turn: TurnRow, request: TurnRequest) => Promise<string | null>
  /** Called when Codex has been told. */
  readonly besideStart: (turnId: TurnId) => void
  /** Called at each sign that Codex uses a tool. */
  readonly onWork: (turnId: TurnId) => void
}

interface Round {
  readonly turn: TurnRow
  readonly agent: AgentRow
  readonly request: TurnRequest
  readonly connection: CodexConnection
}

/** The one that is made, and those before it. */
interface Attempts {
  readonly attempt: Attempt
  readonly earlier: readonly Attempt[]
}

/** Codex may go away so often during one turn; above it the turn fails as cut. */
const maxRounds = 60

/** Brings one accepted turn to its outcome, across crashes of Codex. One per turn; `run` is called once. */
export class TurnRun {
  readonly turnId: TurnId
  readonly recorder: TurnRecorder
  /** Whether it may be cut and go on later; otherwise a cut is its end. */
  readonly canBeContinued: boolean
  /** The diff that Codex itself reported last; all there is outside of a repository. */
  codexDiff: string | null = null
  readonly #deps: TurnRunDeps
  readonly #isWork = createWorkWatch()
  readonly #stop = new RunStop()
  readonly #codex: PatientConnector
  readonly #patiently: DescriptorPatience
  readonly #steering = new Steering()
  #threadId: ThreadId | null
  #sentAt: number | undefined
  #commands: CommandWatch | undefined

  constructor(deps: TurnRunDeps, turn: TurnRow) {
    this.#deps = deps
    const { codex, limits } = deps
    this.#codex = createPatientConnector({ codex, startMs: limits.codexStartMs, stopped: this.#stop.given })
    this.#patiently = createDescriptorPatience({ ...deps, stopped: this.#stop.given })
    this.turnId = turn.id
    this.canBeContinued = knownRequestOf(turn).onCut === 'continue'
    this.#threadId = turn.threadId
    this.recorder = new TurnRecorder(deps, () => ({ agentId: turn.agentId, turnId: turn.id, threadId: this.#threadId }))
  }

  /** Never rejects: what goes wrong is the outcome. */
  async run(): Promise<RunOutcome> {
    try {
      return await this.#drive()
    } catch (error) {
      if (this.#stop.asked !== undefined) return outcomeOfStop(this.#stop.asked)
      if (error instanceof AppError) return { kind: 'failed', error }
      this.#deps.log.error({ turnId: this.turnId, error: messageOf(error) }, 'turn failed by a fault of ours')
      return { kind: 'failed', error: fault(error) }
    }
  }

  /** Interrupts what runs; `run` then ends. */
  stop(stop: Stop): void {
    this.#stop.ask(stop)
  }

  /** Passes a message into the running turn; false when Codex is not at it right now. */
  async steer(text: string): Promise<boolean> {
    if (!(await this.#steering.steer(text))) return false
    await this.recorder.commit([], [{ kind: 'turn.steered', data: { message: text.slice(0, 4000) } }])
    return true
  }

  async #drive(): Promise<RunOutcome> {
    for (let round = 0; round < maxRounds; round += 1) {
      if (this.#stop.asked !== undefined) return outcomeOfStop(this.#stop.asked)
      const outcome = await this.#round(round)
      if (outcome !== undefined) return outcome
    }
    return { kind: 'failed', error: turnCut(`Codex went away ${maxRounds} times`) }
  }

  /** Undefined: Codex went away, there is to be another round. */
  async #round(number: number): Promise<RunOutcome | undefined> {
    // What the one before had recorded decides about this one.
    if (number > 0) await this.recorder.settled()
    const { turn, agent } = await this.#read(number)
    if (!isOpen(turn)) return { kind: 'over' }
    // Cancelled, and the daemon died before that was its outcome.
    if (turn.attempts.length === 0 && turn.cancelledBy !== null) return { kind: 'interrupted', by: turn.cancelledBy }
    const request = requestOf(turn)
    const hasBegun = turn.attempts.length > 0
    const connection = await this.#patiently(() => this.#codex.connect({ hasBegun }))
    if (connection === undefined) return undefined
    try {
      const round: Round = { turn, agent, connection, request }
      const opened = await this.#open(round)
      const step = await nextStep(this.#recovery, round, opened)
      const settled = await settle(this.#recovery, turn, opened, step)
      if (settled !== undefined) return settled
      const end = await this.#attempt(round, opened, step)
      return this.#outcomeOf(end)
    } catch (error) {
      if (isWorthAnotherRound(error)) return undefined
      throw error
    }
  }

  get #recovery(): RecoveryDeps {
    return { ...this.#deps, recorder: this.recorder, maxContinuations: this.#deps.limits.maxContinuations }
  }

  async #read(round: number): Promise<{ readonly turn: TurnRow; readonly agent: AgentRow }> {
    const turn = await this.#deps.store.turns.byId(this.turnId)
    const agent = turn === undefined ? undefined : await this.#deps.store.agents.byId(turn.agentId)
    if (turn === undefined || agent === undefined) throw turnUnknown(this.turnId)
    if (round === 0) this.recorder.hasWhole = turn.attempts.length === 0
    // An earlier run may have stored it.
    this.#threadId = turn.threadId ?? this.#threadId
    return { turn, agent }
  }

  async #open({ turn, agent, connection, request }: Round): Promise<OpenedThread> {
    const mustRead = turn.attempts.length > 0
    const settings = await this.#patiently(() => this.#deps.settingsOf(request))
    const { recorder } = this
    const patiently = this.#patiently
    const opened = await this.#deps.threads.open({ connection, agent, turn, settings, recorder, mustRead, patiently })
    if (turn.threadId === opened.threadId) return opened
    this.#threadId = opened.threadId
    // A new thread was stored with its turn; else a turn before it lost the session that its caller named.
    if (opened.threadId === agent.threadId) await this.recorder.commit([movedTo(opened.threadId, turn)], [])
    return opened
  }

  async #attempt(round: Round, opened: OpenedThread, step: NextStep): Promise<AttemptEnd> {
    const { turn, request, connection } = round
    if (this.#stop.asked !== undefined) return { kind: 'stopped', stop: this.#stop.asked }
    const grant = await this.#patiently(() => this.#deps.grantOf(turn, request, this.#stop.given))
    this.#commands = createCommandWatch(grant.deniedCommands)
    const attempt = nextAttempt(turn, step, this.#deps.clock.now())
    const earlier = turn.attempts.filter(other => other.number !== attempt.number)
    const chosen = this.#patiently(() => this.#deps.modelOf(connection, turn, request))
    // Beside each other; when the model is refused, the turn ends with an attempt of which Codex never heard.
    await allOver([
      this.#markSent(round, [...earlier, attempt]),
      opened.stored ?? Promise.resolve(),
      this.#patiently(() => connection.denyCommands(opened.threadId, grant.deniedCommands)),
      chosen,
    ])
    const input = turnInputOf(round, { attempt, opened, grant, choice: await chosen })
    // The last moment at which the model need not hear of it: from here nothing is waited for before Codex is told. What is stored
    // as sent and is not is run again after a pause.
    if (this.#stop.asked !== undefined) return { kind: 'stopped', stop: this.#stop.asked }
    return this.#send(round, input, { earlier, attempt })
  }

  async #send({ turn, connection }: Round, input: TurnInput, attempts: Attempts): Promise<AttemptEnd> {
    const { clock, limits } = this.#deps
    this.#sentAt ??= clock.monotonic()
    const onStarted = (codexTurnId: string): void => {
      this.#steering.begin({ connection, threadId: input.threadId, codexTurnId })
      this.#markStarted(attempts, codexTurnId)
    }
    try {
      return await runAttempt(
        {
          ...this.#deps,
          connection,
          limits: { ...limits, spentMs: clock.monotonic() - this.#sentAt },
          stopped: this.#stop.given,
          giveUp: reason => this.#deps.codex.restart(reason),
          onSent: () => this.#deps.besideStart(turn.id),
          onStarted,
          onEvent: event => this.#onEvent(event),
        },
        input,
      )
    } finally {
      this.#steering.end()
    }
  }

  /** Durable before anything is sent: after a crash we must know that Codex may have it. */
  async #markSent({ turn, request }: Round, attempts: readonly Attempt[]): Promise<void> {
    const treeBefore = await this.#deps.beforeStart(turn, request)
    const startedAt = turn.startedAt ?? this.#deps.clock.now()
    const patch = { status: 'running', startedAt, attempts, treeBefore, pausedAt: null } as const
    await this.recorder.commit([updateTurn(turn.id, patch, { ifStatus: ['queued', 'running'] })], [])
  }

  /** Nobody waits for it to be stored. */
  #markStarted({ earlier, attempt }: Attempts, codexTurnId: string): void {
    const { number, why } = attempt
    this.recorder
      .commit(
        [updateTurn(this.turnId, { attempts: [...earlier, { ...attempt, codexTurnId }] })],
        [{ kind: 'turn.started', data: { attempt: number, why, codex_turn_id: codexTurnId } }],
      )
      .catch((error: unknown) => {
        this.#deps.log.error({ turnId: this.turnId, error: messageOf(error) }, 'the start of a turn was not stored')
      })
  }

  /** Undefined: another round is to be made. */
  #outcomeOf(end: AttemptEnd): RunOutcome | undefined {
    const { denial } = this.#stop
    // However it ended after that.
    if (denial !== undefined && end.kind !== 'lost') return { kind: 'failed', error: denial }
    switch (end.kind) {
      case 'completed':
        return { kind: 'completed' }
      case 'failed':
        return { kind: 'failed', error: codexFailure(end.error) }
      case 'deadline':
        return { kind: 'failed', error: end.error }
      case 'stopped':
        return outcomeOfStop(this.#stop.asked ?? end.stop)
      case 'lost':
        return undefined
    }
  }

  #onEvent(event: CodexEvent): void {
    if (event.kind === 'diff-updated') this.codexDiff = event.diff
    if (this.#isWork(event)) this.#deps.onWork(this.turnId)
    this.recorder.codexEvent(event)
    const error = this.#commands?.see(event)
    if (error !== undefined) this.stop({ kind: 'denied', error })
  }
}

/** Rejects only when nothing is being written any more: what is stored of the refusal must find what it was refused with. */
async function allOver(work: readonly Promise<unknown>[]): Promise<void> {
  await Promise.allSettled(work)
  await Promise.all(work)
}

/** The process ended, or hung and was ended, or put the thread away: what became of the request is read from the history. */
function isWorthAnotherRound(error: unknown): boolean {
  return error instanceof AppError && ['CODEX_GONE', 'CODEX_HUNG', 'CODEX_THREAD_NOT_LOADED'].includes(error.code)
}
