import { once } from 'node:events'
import { sleep } from '#kernel'
import { toolCallOf } from './tool-calls.ts'
import { fillTemplate } from './template.ts'
import type { AnswerWriter, Usage } from './answer.ts'
import type { Gates } from './gates.ts'
import type { Outlet } from './outlet.ts'
import type { Reply, Step } from './scenario.ts'
import type { TemplateScope } from './template.ts'

export type PlayOutcome = 'played' | 'error' | 'cut'

/** Everything that the steps of one answer act on. */
export interface Stage {
  readonly outlet: Outlet
  readonly writer: AnswerWriter
  readonly scope: TemplateScope
  readonly gates: Gates
  readonly stream: boolean
  /** Usage of the answer, given the characters that were written. */
  readonly usageFor: (characters: number) => Usage
}

/** Plays the steps in order. Rejects when the client goes away (the outlet's signal). */
export async function playReply(reply: Reply, stage: Stage): Promise<PlayOutcome> {
  let characters = 0
  for (const step of reply.steps) {
    stage.outlet.signal.throwIfAborted()
    const end = await playEnding(step, stage)
    if (end !== undefined) return end
    await playPause(step, stage)
    characters += await playContent(step, stage)
  }
  await stage.writer.finish({ usage: stage.usageFor(characters), isIncomplete: reply.status === 'incomplete' })
  return 'played'
}

/** Steps after which nothing more comes. */
async function playEnding(step: Step, stage: Stage): Promise<PlayOutcome | undefined> {
  const { outlet, writer, scope } = stage
  if ('error' in step) {
    await writer.fail({ ...step.error, message: fillTemplate(step.error.message, scope) })
    return 'error'
  }
  if ('cut' in step) {
    outlet.cut()
    return 'cut'
  }
  if ('silent' in step) {
    if (!outlet.isOpen) outlet.open(contentTypeOf(stage))
    if (!outlet.signal.aborted) await once(outlet.signal, 'abort')
    outlet.signal.throwIfAborted()
  }
  if ('malformed' in step) {
    await writer.open()
    if (!outlet.isOpen) outlet.open(contentTypeOf(stage))
    await outlet.raw(
      stage.stream ? 'event: message\ndata: {"type": "scripted", broken\n\n' : '{"type": "scripted", broken',
    )
    outlet.end()
    return 'error'
  }
  return undefined
}

async function playPause(step: Step, { outlet, writer, scope, gates }: Stage): Promise<void> {
  if ('delayMs' in step) await sleep(step.delayMs, outlet.signal)
  if ('gate' in step) await gates.pass(fillTemplate(step.gate, scope), maxGateMs, outlet.signal)
  if ('open' in step) await writer.open()
}

/** Answers how many characters of output the step was. */
async function playContent(step: Step, { outlet, writer, scope }: Stage): Promise<number> {
  if ('text' in step) {
    const text = fillTemplate(step.text, scope)
    await writer.beginText()
    for (const [at, chunk] of chunksOf(text, step.chunks).entries()) {
      if (at > 0 && step.chunkDelayMs !== undefined) await sleep(step.chunkDelayMs, outlet.signal)
      await writer.textDelta(chunk)
    }
    await writer.endText()
    return text.length
  }
  if ('reasoning' in step) {
    const text = fillTemplate(step.reasoning, scope)
    await writer.reasoning(text)
    return text.length
  }
  if ('toolCall' in step || 'shell' in step || 'patch' in step) {
    const call = toolCallOf(step, scope)
    await writer.toolCall(call)
    return call.input.length
  }
  return 0
}

/** Cut between whole characters, never inside a surrogate pair. */
function chunksOf(text: string, chunks: number | undefined): readonly string[] {
  const letters = Array.from(text)
  const size = chunks === undefined ? 24 : Math.max(1, Math.ceil(letters.length / chunks))
  const cuts = Math.ceil(letters.length / size)
  return Array.from({ length: cuts }, (_, at) => letters.slice(at * size, (at + 1) * size).join(''))
}

function contentTypeOf(stage: Stage): string {
  return stage.stream ? 'text/event-stream' : 'application/json'
}

const maxGateMs = 600_000
