import { AppError, messageOf } from '#kernel'
import { playReply } from './play.ts'
import { MessagesWriter } from './write-messages.ts'
import { ResponsesWriter } from './write-responses.ts'
import type { AnswerOptions, AnswerWriter, Usage } from './answer.ts'
import type { Gates } from './gates.ts'
import type { Outlet } from './outlet.ts'
import type { RequestOutcome } from './recorder.ts'
import type { RequestView } from './request-view.ts'
import type { Choice } from './rules.ts'
import type { Reply } from './scenario.ts'

export interface AnswerDeps {
  readonly outlet: Outlet
  readonly gates: Gates
  readonly nowMs: number
}

/** Answers one model request with what was chosen for it, and says how that ended. */
export async function answerRequest(view: RequestView, choice: Choice, deps: AnswerDeps): Promise<RequestOutcome> {
  const { outlet, gates } = deps
  const { reply } = choice
  const options: AnswerOptions = {
    model: view.model,
    stream: view.stream,
    headers: reply.headers ?? {},
    nowMs: deps.nowMs,
  }
  const usageFor = (characters: number): Usage => usageOf(reply, view, characters)
  const writer = writerFor(view, outlet, options, usageFor(0))
  const scope = { view, groups: choice.groups }
  try {
    const outcome = await playReply(reply, { outlet, writer, scope, gates, stream: view.stream, usageFor })
    return choice.rule === undefined ? 'unmatched' : outcome
  } catch (error) {
    if (outlet.signal.aborted) return 'client-gone'
    await writer.fail({ status: 400, code: 'invalid_prompt', message: `scripted model: ${messageOf(error)}` })
    if (!(error instanceof AppError)) throw error
    return 'error'
  }
}

function writerFor(view: RequestView, outlet: Outlet, options: AnswerOptions, usage: Usage): AnswerWriter {
  return view.dialect === 'responses'
    ? new ResponsesWriter(outlet, options)
    : new MessagesWriter(outlet, options, usage)
}

/** About four bytes a token, when the scenario does not say. */
function usageOf(reply: Reply, view: RequestView, characters: number): Usage {
  if (reply.usage !== undefined) return { ...reply.usage, cached: reply.usage.cached ?? 0 }
  return { input: Math.ceil(view.bodyBytes / 4), output: Math.max(1, Math.ceil(characters / 4)), cached: 0 }
}
