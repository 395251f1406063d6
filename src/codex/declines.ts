export interface Decline {
  /** `result` or `error` of the answer. */
  readonly answer: Readonly<Record<string, unknown>>
  readonly reason: string
}

/**
 * Nobody is asked yet, so everything that Codex asks of us is declined, each in the shape that lets the turn go on.
 * With the approval policy `never` Codex should not ask; a version or a tool that does must not wait for ever.
 */
export function declineOf(method: string): Decline {
  const reason = `tandem answers no ${method}: approvals are switched off, work within the sandbox`
  return { answer: answerOf(method, reason), reason }
}

function answerOf(method: string, reason: string): Readonly<Record<string, unknown>> {
  switch (method) {
    case 'item/commandExecution/requestApproval':
    case 'item/fileChange/requestApproval':
      return { result: { decision: 'decline' } }
    case 'execCommandApproval':
    case 'applyPatchApproval':
      return { result: { decision: 'denied' } }
    case 'item/tool/call':
      return { result: { contentItems: [{ type: 'inputText', text: reason }], success: false } }
    case 'mcpServer/elicitation/request':
      return { result: { action: 'decline', content: null } }
    default:
      return { error: { code: -32601, message: reason } }
  }
}
