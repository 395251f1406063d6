import { callerSchema } from '#contracts'
import { AppError, within } from '#kernel'
import type { Clock, Log, TurnId } from '#kernel'
import type { TurnRow } from '#store'
import { policyMovedDirectory } from './errors.ts'
import { turnUnreadable } from '../errors.ts'
import type { PolicyGrant, PolicyGuard } from './policy-guard.ts'
import { resolveDirectory } from '../turn-request.ts'
import type { TurnRequest } from '../turn-request.ts'

export interface TurnGrantDeps {
  readonly policy: Pick<PolicyGuard, 'admit' | 'judge'>
  /** Turns that were open when we started. */
  readonly earlier: ReadonlySet<TurnId>
  readonly clock: Clock
  readonly log: Log
  /** How long a turn waits for a policy that cannot be relied on to be mended. */
  readonly patienceMs: number
  /** The turns that wait so now, and what each found wrong with the policy. */
  readonly waiting: Map<TurnId, AppError>
}

/** Rejects when the turn is not allowed any more. Waits no longer than until it is stopped. */
export type TurnGrant = (turn: TurnRow, request: TurnRequest, stopped: Promise<unknown>) => Promise<PolicyGrant>

const lookAgainMs = 500

/**
 * What a turn that is about to be given to Codex may do. It keeps what it was accepted with while we live; but its directory must be
 * where it was, and allowed still: whoever can write around it may have put a link in its place. A turn that an earlier life had
 * accepted is held against the whole policy of now: one that was tightened meanwhile counts, one that was widened gives it nothing.
 * A mistake in the file ends no turn that was accepted: it waits.
 */
export function createTurnGrant(deps: TurnGrantDeps): TurnGrant {
  return async (turn, request, stopped) => {
    using waits = new DisposableStack()
    waits.defer(() => deps.waiting.delete(turn.id))
    const until = deps.clock.monotonic() + deps.patienceMs
    for (let looks = 0; ; looks += 1) {
      try {
        await checkPlace(request.cd)
        return await grantNow(deps, turn, request)
      } catch (error) {
        if (!isMistake(error) || deps.clock.monotonic() >= until) throw error
        deps.waiting.set(turn.id, error)
        if (looks === 0)
          deps.log.warn({ turnId: turn.id, problem: error.message }, 'a turn waits for the policy to be mended')
        if ((await within(deps.clock, lookAgainMs, stopped)).kind === 'done') throw error
      }
    }
  }
}

async function checkPlace(cd: string): Promise<void> {
  const real = await resolveDirectory(cd)
  if (real !== cd) throw policyMovedDirectory(cd, real)
}

async function grantNow({ policy, earlier }: TurnGrantDeps, turn: TurnRow, request: TurnRequest): Promise<PolicyGrant> {
  const { cd, sandbox, network, deniedCommands } = request
  const caller = callerSchema.safeParse(turn.caller)
  if (!caller.success) throw turnUnreadable(turn.id, caller.error)
  const asked = { cd, sandbox, caller: caller.data }
  if (earlier.has(turn.id)) {
    const now = await policy.admit(asked)
    return { network: network && now.network, deniedCommands: [...deniedCommands, ...now.deniedCommands] }
  }
  const { error } = await policy.judge(asked)
  if (error?.code === 'POLICY_DENIED_DIRECTORY') throw error
  return { network, deniedCommands }
}

const isMistake = (error: unknown): error is AppError => error instanceof AppError && error.code === 'POLICY_INVALID'
