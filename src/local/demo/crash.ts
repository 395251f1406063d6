import { sleep } from '#kernel'
import { demoTimedOut } from './errors.ts'
import { cutRule, promptOf } from './scenario.ts'
import { unlessAborted } from './unless-aborted.ts'
import { demoCaller } from './watch.ts'
import type { Client } from '#client'
import type { VerbOutput, WireEvent } from '#contracts'
import type { ScriptedModel } from '#scripted-model'
import type { Watch } from './watch.ts'

/** What became of the turn in whose middle the daemon was killed. */
export interface Recovery {
  readonly turn_id: string
  readonly decision: string
  readonly reason: string
  readonly old_pid: number
  readonly new_pid: number
  readonly status: string
  /** From the kill to the new daemon's first answer. */
  readonly back_after_ms: number
  /** From the kill to the end of the turn. */
  readonly ended_after_ms: number
}

export interface CrashDeps {
  readonly model: ScriptedModel
  readonly client: Client
  readonly watch: Watch
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

/** Waits until Codex has said half of an answer, kills the daemon with SIGKILL, and sees the turn to its end. */
export async function crashInTheMiddle(deps: CrashDeps): Promise<Recovery> {
  const { model, watch, say, signal } = deps
  await unlessAborted(
    model.waitForRequest(request => request.rule === cutRule, { timeoutMs: storyTimeoutMs }),
    signal,
  )
  const wait = { timeoutMs: stepTimeoutMs, signal }
  const isOurs = await turnOfDocumentation(deps)
  await watch.waitFor('the first half of the answer', event => isOurs(event) && event.kind === 'text', wait)
  const before = await unlessAborted(deps.client.call('status', {}, { caller: demoCaller, signal }), signal)
  const killedAt = Date.now()
  process.kill(before.pid, 'SIGKILL')
  say(`Codex is in the middle of its answer: kill -9 ${before.pid}, the daemon. Claude Code goes on waiting.`)
  const after = await anotherDaemon(deps, before.pid)
  const backAfterMs = Date.now() - killedAt
  say(`A new daemon is there, pid ${after.pid}, after ${backAfterMs} ms. Nobody started it by hand.`)
  const decided = await watch.waitFor('a decision on the turn', ofKind(isOurs, 'turn.reconciled'), wait)
  const { decision, reason } = decided.data
  say(`It ${String(decision)} the turn: ${String(reason)}.`)
  const ended = await watch.waitFor('the end of the turn', ofKind(isOurs, 'turn.ended'), wait)
  return {
    turn_id: ended.turn_id ?? '',
    decision: String(decision),
    reason: String(reason),
    old_pid: before.pid,
    new_pid: after.pid,
    status: String(ended.data['status']),
    back_after_ms: backAfterMs,
    ended_after_ms: Date.now() - killedAt,
  }
}

/** Tells the events of that turn. */
async function turnOfDocumentation({ watch, signal }: CrashDeps): Promise<(event: WireEvent) => boolean> {
  const isAccepted = (event: WireEvent): boolean =>
    event.kind === 'turn.accepted' && event.data['prompt'] === promptOf.documentation.slice(0, 200)
  const accepted = await watch.waitFor('the turn', isAccepted, { timeoutMs: stepTimeoutMs, signal })
  return event => event.turn_id === accepted.turn_id
}

const ofKind =
  (isOurs: (event: WireEvent) => boolean, kind: string) =>
  (event: WireEvent): boolean =>
    isOurs(event) && event.kind === kind

async function anotherDaemon({ client, signal }: CrashDeps, oldPid: number): Promise<VerbOutput<'status'>> {
  for (const until = Date.now() + stepTimeoutMs; Date.now() < until;) {
    try {
      const status = await client.call('status', {}, { caller: demoCaller, signal })
      if (status.pid !== oldPid) return status
    } catch (error) {
      if (signal.aborted) throw error
    }
    await sleep(20, signal)
  }
  throw demoTimedOut('another daemon', stepTimeoutMs)
}

const storyTimeoutMs = 100_000
const stepTimeoutMs = 30_000
