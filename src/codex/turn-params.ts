import type { SteerInput, TurnInput } from './connection.ts'

export function turnParamsOf(input: TurnInput): object {
  return {
    threadId: input.threadId,
    clientUserMessageId: input.clientMessageId,
    input: [textPart(input.text), ...(input.images ?? []).map(path => ({ type: 'localImage', path }))],
    cwd: input.cwd,
    approvalPolicy: input.approvalPolicy ?? 'never',
    sandboxPolicy: sandboxPolicyOf(input),
    model: input.model,
    effort: input.effort,
    summary: input.summary,
    outputSchema: input.outputSchema,
  }
}

export function steerParamsOf(input: SteerInput): object {
  return {
    threadId: input.threadId,
    expectedTurnId: input.codexTurnId,
    clientUserMessageId: input.clientMessageId,
    input: [textPart(input.text)],
  }
}

function sandboxPolicyOf({ sandbox, network = false }: Pick<TurnInput, 'sandbox' | 'network'>): object {
  if (sandbox === 'read-only') return { type: 'readOnly', networkAccess: false }
  if (sandbox === 'danger-full-access') return { type: 'dangerFullAccess' }
  const rest = { networkAccess: network, excludeTmpdirEnvVar: false, excludeSlashTmp: false }
  return { type: 'workspaceWrite', writableRoots: [], ...rest }
}

const textPart = (text: string): object => ({ type: 'text', text, text_elements: [] })
