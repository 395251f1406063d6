import { callerSchema } from '#contracts'
import type { TurnId } from '#kernel'
import type { TurnRow } from '#store'
import { turnUnreadable } from './errors.ts'
import type { PolicyGrant, PolicyGuard } from './policy-guard.ts'
import type { TurnRequest } from './turn-request.ts'

/**
 * What a turn that is about to be given to Codex may do; rejects when it is not allowed any more.
 * A turn keeps what it was accepted with while we live. One that an earlier life had accepted is held against the policy of now
 * first: a policy that was tightened meanwhile counts, one that was widened gives it nothing.
 */
export function createTurnGrant(deps: {
  readonly policy: Pick<PolicyGuard, 'admit'>
  /** Turns that were open when we started. */
  readonly earlier: ReadonlySet<TurnId>
}): (turn: TurnRow, request: TurnRequest) => Promise<PolicyGrant> {
  return async (turn, { cd, sandbox, network, deniedCommands }) => {
    if (!deps.earlier.has(turn.id)) return { network, deniedCommands }
    const caller = callerSchema.safeParse(turn.caller)
    if (!caller.success) throw turnUnreadable(turn.id, caller.error)
    const now = await deps.policy.admit({ cd, sandbox, caller: caller.data })
    return {
      network: network && now.network,
      deniedCommands: [...deniedCommands, ...now.deniedCommands],
    }
  }
}
