import { resolveDirectory } from '#agents'
import type { Handler } from './handler.ts'

export const policyTest: Handler<'policy_test'> = async (deps, input, { caller }) => {
  const cd = await resolveDirectory(input.cd)
  const { sandbox } = input
  const { error, rule, network } = await deps.agents.policy.judge({ cd, sandbox, caller, needsNetwork: input.network })
  return {
    allowed: error === undefined,
    cd,
    sandbox,
    network,
    rule,
    why: error === undefined ? `sandbox ${sandbox} is allowed in ${cd}` : error.message,
    cure: error?.hint ?? null,
  }
}
