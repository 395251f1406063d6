import type { RequestView, SideKind } from './request-view.ts'
import type { Reply } from './scenario.ts'

/** The built-in answer to a request that a client makes for itself, so that scenarios need not know about them. */
export function sideReplyOf(view: RequestView): Reply | undefined {
  if (view.side === undefined) return undefined
  return { steps: [{ text: answers[view.side] }] }
}

const answers: Readonly<Record<SideKind, string>> = {
  title: JSON.stringify({ title: 'Scripted session' }),
  summary: '<analysis>scripted</analysis>\n<summary>Scripted summary of the conversation so far.</summary>',
  suggestion: 'go on',
  quota: 'ok',
}
