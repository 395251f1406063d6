import { resolveDirectory } from '#agents'
import type { Handler } from './handler.ts'

export const policyTest: Handler<'policy_test'> = async (deps, input, { caller }) => {
  const cd = await resolveDirectory(input.cd)
  const { sandbox, command } = input
  const asked = { cd, sandbox, caller, needsNetwork: input.network, command }
  const { error, rule, network } = await deps.agents.policy.judge(asked)
  const what = command === undefined ? `sandbox ${sandbox}` : `this command in sandbox ${sandbox}`
  return {
    allowed: error === undefined,
    cd,
    sandbox,
    network,
    rule,
    why: error === undefined ? `${what} is allowed in ${cd}` : error.message,
    cure: error?.hint ?? null,
  }
}
