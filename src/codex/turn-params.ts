import type { SteerInput, TurnInput } from './connection.ts'
import type { PermissionProfiles } from './permissions.ts'

export function turnParamsOf(input: TurnInput, profiles: PermissionProfiles): object {
  return {
    threadId: input.threadId,
    clientUserMessageId: input.clientMessageId,
    input: [textPart(input.text), ...(input.images ?? []).map(path => ({ type: 'localImage', path }))],
    cwd: input.cwd,
    approvalPolicy: input.approvalPolicy ?? 'never',
    ...profiles.ofTurn(input),
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

const textPart = (text: string): object => ({ type: 'text', text, text_elements: [] })
