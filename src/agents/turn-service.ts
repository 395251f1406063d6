import { AppError, asTurnId, backoffMs, messageOf, sleep, within } from '#kernel'
import type { Clock, Log, TurnId } from '#kernel'
import type { Caller } from '#contracts'
import { updateTurn } from '#store'
import type { Store, TurnRow } from '#store'
import { daemonStopping, queuedTooLong, queueFull, turnElsewhere, turnNotRunning } from './errors.ts'
import { acceptTurn } from './turn-intake.ts'
import type { Accepted, IntakeDeps } from './turn-intake.ts'
import { concludeTurn, forgetChanges } from './turn-outcome.ts'
import type { ConcludeDeps, EndedOutcome } from './turn-outcome.ts'
import { TurnQueue } from './turn-queue.ts'
import { requestOf } from './turn-request.ts'
import type { AskInput } from './turn-request.ts'
import { TurnRun } from './turn-run.ts'
import { isOpen } from './turn-status.ts'
import type { TurnRunDeps } from './turn-run.ts'
import { findTurn, waitForTurn } from './wait-for-turn.ts'

export interface TurnServiceDeps {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly intake: Omit<IntakeDeps, 'checkRoom'>
  readonly run: TurnRunDeps
  readonly conclude: ConcludeDeps
  /** Aborted when what runs is to pause, so that it waits no longer for a store that is away. */
  readonly pausing: AbortController
  readonly limits: { readonly maxRunning: number; readonly maxQueued: number; readonly queuedMs: number }
}

/** How long an interrupted run may take to be over; then it is left to the next start. */
const stopWaitMs = 10_000

/** Pause before a turn is taken up again whose outcome could not be stored: half a second at first. */
const takeUpAgain = { firstMs: 1000, maxMs: 60_000 }

interface AtWork {
  run: TurnRun
  /** As a person cancelled it: it counts for the next run too, when the first one could not store its outcome. */
  cancelledBy: string | null
  /** Ends the pause before the next run. */
  hurry: AbortController
  readonly over: Promise<void>
}

/** Accepts turns, runs each when its time comes, and takes up at its start what an earlier life left open. */
export class TurnService {
  readonly #deps: TurnServiceDeps
  readonly #queue: TurnQueue<TurnRow>
  readonly #runs = new Map<TurnId, AtWork>()
  readonly #stopping = new AbortController()
  readonly #queuedTimers = new Map<TurnId, Disposable>()
  /** Turns that were let in and are not stored yet. */
  #accepting = 0

  constructor(deps: TurnServiceDeps) {
    this.#deps = deps
    this.#queue = new TurnQueue(deps.limits.maxRunning)
  }

  get counts(): { readonly queued: number; readonly running: number } {
    return { queued: this.#queue.waitingCount, running: this.#queue.runningCount }
  }

  /** Whether nothing that runs would end as cut if the daemon stopped now. */
  get canStop(): boolean {
    return [...this.#runs.values()].every(({ run }) => run.canBeContinued)
  }

  /** Takes up the open turns of this node; those that had been sent to Codex come first. */
  async resume(): Promise<number> {
    const open = await this.#deps.store.turns.open(this.#deps.store.nodeId)
    await this.#deps.conclude.changes.sweep(open.map(turn => turn.id))
    const sent = open.filter(turn => turn.attempts.length > 0)
    for (const turn of [...sent, ...open.filter(other => other.attempts.length === 0)]) this.#enqueue(turn)
    this.#schedule()
    return open.length
  }

  /** Durable when it resolves. */
  async accept(input: AskInput, caller: Caller): Promise<Accepted> {
    let hasRoom = false
    const checkRoom = (): void => {
      this.#checkRoom()
      hasRoom = true
      this.#accepting += 1
    }
    try {
      const accepted = await acceptTurn({ ...this.#deps.intake, checkRoom }, input, caller)
      this.#takeUp(accepted.turn)
      return accepted
    } finally {
      if (hasRoom) this.#accepting -= 1
    }
  }

  /** Those that are being accepted at this moment count, but for as many as can run at once. */
  #checkRoom(): void {
    if (this.#stopping.signal.aborted) throw daemonStopping()
    const { maxRunning, maxQueued } = this.#deps.limits
    const willWait = Math.max(0, this.#accepting - (maxRunning - this.#queue.runningCount))
    if (this.#queue.waitingCount + willWait >= maxQueued) throw queueFull(maxQueued)
  }

  async find(turnId: string): Promise<TurnRow> {
    return findTurn(this.#deps.store, asTurnId(turnId))
  }

  /** The turn when it has ended, or as it is when the time is up or the caller leaves. */
  async wait(
    turnId: TurnId,
    options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<TurnRow> {
    return waitForTurn(this.#deps, turnId, options)
  }

  /** Who steers a turn does what it does: it must be allowed to the caller as if it asked for the turn itself. */
  async steer(turnId: string, message: string, caller: Caller): Promise<TurnRow> {
    const turn = this.#requireHere(await this.find(turnId))
    const { cd, sandbox } = requestOf(turn)
    await this.#deps.intake.policy.admit({ cd, sandbox, caller })
    const run = this.#runs.get(turn.id)?.run
    if (run === undefined || !(await run.steer(message))) throw turnNotRunning(turn.id, turn.status)
    return this.find(turnId)
  }

  /** Interrupts the turn and ends its commands; done when it has ended, bounded. Cancelling an ended turn changes nothing. */
  async cancel(turnId: string, by: string): Promise<TurnRow> {
    const turn = await this.find(turnId)
    if (!isOpen(turn)) return turn
    this.#requireHere(turn)
    try {
      if (!(await this.#markCancelled(turn, by))) return await this.find(turnId)
    } catch (error) {
      // A full disk must not keep a turn running: its outcome will say that it was cancelled.
      this.#stopRun(turn.id, by)
      throw error
    }
    if (this.#stopRun(turn.id, by)) return this.wait(turn.id, { timeoutMs: stopWaitMs })
    if (this.#queue.remove(turn.id)) await this.#endUnstarted(turn, { kind: 'interrupted', by })
    else this.#takeUp(turn)
    return this.wait(turn.id, { timeoutMs: stopWaitMs })
  }

  /** False when it does not run. */
  #stopRun(turnId: TurnId, by: string): boolean {
    const atWork = this.#runs.get(turnId)
    if (atWork === undefined) return false
    atWork.cancelledBy ??= by
    atWork.run.stop({ kind: 'cancel', by })
    atWork.hurry.abort()
    return true
  }

  /** Another node's turn is its own to change. */
  #requireHere(turn: TurnRow): TurnRow {
    if (turn.nodeId !== this.#deps.store.nodeId) throw turnElsewhere(turn.id, turn.nodeId)
    return turn
  }

  /** Durable before anything is ended: after a crash it must not run. False when it has ended meanwhile. */
  async #markCancelled(turn: TurnRow, by: string): Promise<boolean> {
    try {
      await this.#deps.store.commit({
        changes: [updateTurn(turn.id, { cancelledBy: by }, { ifStatus: ['queued', 'running'] })],
        events: [
          { kind: 'turn.cancelling', agentId: turn.agentId, turnId: turn.id, threadId: turn.threadId, data: { by } },
        ],
      })
      return true
    } catch (error) {
      if (error instanceof AppError && error.code === 'TURN_STATE_CHANGED') return false
      throw error
    }
  }

  /** A turn that is open in the store and that nobody is at: just accepted, or one whose outcome could not be stored. */
  #takeUp(turn: TurnRow): void {
    // An idempotency key may lead to the turn of another node: that one works on it.
    if (turn.nodeId !== this.#deps.store.nodeId) return
    if (!isOpen(turn) || this.#runs.has(turn.id) || this.#queue.has(turn.id)) return
    this.#enqueue(turn)
    this.#schedule()
  }

  /** No new turns; running ones may end within the grace, then they are interrupted and stored as to be continued. */
  async stop(options: { readonly graceMs: number; readonly now?: AbortSignal | undefined }): Promise<void> {
    this.#stopping.abort()
    for (const timer of this.#queuedTimers.values()) timer[Symbol.dispose]()
    const hurry = Promise.withResolvers<void>()
    options.now?.addEventListener('abort', () => hurry.resolve(), { once: true })
    if (options.now?.aborted !== true)
      await within(this.#deps.clock, options.graceMs, Promise.race([this.#allOver(), hurry.promise]))
    for (const { run } of this.#runs.values()) run.stop({ kind: 'pause', reason: 'the daemon stops' })
    this.#deps.pausing.abort()
    const over = await within(this.#deps.clock, stopWaitMs, this.#allOver())
    await within(this.#deps.clock, stopWaitMs, this.#deps.conclude.changes.settled())
    if (over.kind === 'timeout') this.#deps.log.warn({ turns: this.#runs.size }, 'turns are left to the next start')
  }

  async #allOver(): Promise<void> {
    await Promise.all([...this.#runs.values()].map(({ over }) => over))
  }

  #enqueue(turn: TurnRow): void {
    this.#queue.add(turn)
    if (turn.attempts.length > 0) return
    const waitedMs = Math.max(0, this.#deps.clock.now() - turn.acceptedAt)
    const leftMs = Math.max(0, this.#deps.limits.queuedMs - waitedMs)
    const giveUp = (): void => {
      if (!this.#queue.remove(turn.id)) return
      void this.#endUnstarted(turn, { kind: 'failed', error: queuedTooLong(this.#deps.limits.queuedMs) })
    }
    this.#queuedTimers.set(turn.id, this.#deps.clock.after(leftMs, giveUp))
  }

  #schedule(): void {
    for (;;) {
      const turn = this.#stopping.signal.aborted ? undefined : this.#queue.take()
      if (turn === undefined) return
      this.#forgetTimer(turn.id)
      const over = Promise.withResolvers<void>()
      const atWork: AtWork = {
        run: new TurnRun(this.#deps.run, turn),
        cancelledBy: null,
        hurry: new AbortController(),
        over: over.promise,
      }
      this.#runs.set(turn.id, atWork)
      void this.#workOn(atWork, turn).finally(() => {
        this.#runs.delete(turn.id)
        this.#queue.ended(turn.id)
        this.#schedule()
        over.resolve()
      })
    }
  }

  /** It keeps its place until its outcome is stored: the next turn of its agent builds on it. */
  async #workOn(atWork: AtWork, turn: TurnRow): Promise<void> {
    const { signal } = this.#stopping
    for (let tries = 0; !(await this.#runToItsEnd(atWork.run)); tries += 1) {
      atWork.hurry = new AbortController()
      const pause = AbortSignal.any([signal, atWork.hurry.signal])
      await sleep(backoffMs(tries, takeUpAgain), pause).catch(() => undefined)
      // Nothing is lost: the turn is still open in the store, and the next start takes it up.
      if (signal.aborted) return
      atWork.run = new TurnRun(this.#deps.run, turn)
      if (atWork.cancelledBy !== null) atWork.run.stop({ kind: 'cancel', by: atWork.cancelledBy })
    }
  }

  /** False when its end could not be stored, but may be later. */
  async #runToItsEnd(run: TurnRun): Promise<boolean> {
    try {
      const outcome = await run.run()
      if (outcome.kind === 'over') {
        // Stored by a run before, which was told that it was not, or by a cancel while it waited.
        forgetChanges(this.#deps.conclude, run.turnId)
        return true
      }
      const turn = await findTurn(this.#deps.conclude.store, run.turnId)
      if (outcome.kind !== 'paused') {
        await concludeTurn(this.#deps.conclude, turn, run, outcome)
        return true
      }
      const reason = 'the daemon stops; the turn goes on when it starts again'
      await run.recorder.commit(
        [updateTurn(turn.id, { pausedAt: this.#deps.clock.now() }, { ifStatus: ['queued', 'running'] })],
        [{ kind: 'turn.paused', data: { reason } }],
      )
      return true
    } catch (error) {
      this.#deps.log.error({ turnId: run.turnId, error: messageOf(error) }, 'the end of a turn was not stored')
      return error instanceof AppError && error.code === 'STORE_CLOSED'
    }
  }

  async #endUnstarted(turn: TurnRow, outcome: EndedOutcome): Promise<void> {
    this.#forgetTimer(turn.id)
    try {
      await concludeTurn(this.#deps.conclude, turn, new TurnRun(this.#deps.run, turn), outcome)
    } catch (error) {
      this.#deps.log.error({ turnId: turn.id, error: messageOf(error) }, 'the end of a turn was not stored')
      const isOver = error instanceof AppError && ['TURN_STATE_CHANGED', 'STORE_CLOSED'].includes(error.code)
      if (isOver || this.#stopping.signal.aborted) return
      this.#queuedTimers.set(
        turn.id,
        this.#deps.clock.after(takeUpAgain.maxMs, () => this.#takeUp(turn)),
      )
    }
  }

  #forgetTimer(turnId: TurnId): void {
    this.#queuedTimers.get(turnId)?.[Symbol.dispose]()
    this.#queuedTimers.delete(turnId)
  }
}
