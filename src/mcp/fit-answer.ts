import { jsonBytesOf, textWithin } from './json.ts'
import type { TurnAnswer, TurnMessage, VerbOutput } from '#contracts'

/**
 * An answer takes at most this much as JSON: about 20,000 tokens of English or 27,000 of Chinese, near the 25,000 that
 * Claude Code allows a result. What is longer crowds out the work that the answer is for.
 */
const maxAnswerBytes = 80_000

/** What one note about a cut may take. */
const noteBytes = 300
const maxFiles = 200

export interface FitOptions {
  /** Where `agent_messages` starts in the whole message. */
  readonly offset: number
  readonly maxBytes?: number
}

/** Cuts an answer to the bound: what is short stays whole, what is long shares the room. Each cut says so in its text. */
export function fitTurnAnswer(answer: TurnAnswer, options: FitOptions): TurnAnswer {
  const maxBytes = options.maxBytes ?? maxAnswerBytes
  if (jsonBytesOf(answer) <= maxBytes) return answer
  const frame = frameOf(answer)
  const sizes = [
    jsonBytesOf(answer.agent_messages),
    jsonBytesOf(answer.diff ?? ''),
    jsonBytesOf(answer.proposed_diff?.patch ?? ''),
    jsonBytesOf(answer.all_messages ?? []),
    jsonBytesOf(answer.output ?? ''),
  ]
  const share = fairShare(sizes, maxBytes - jsonBytesOf(frame))
  const { output, ...rest } = { ...frame, ...messageWithin(answer, share, options.offset) }
  return {
    ...rest,
    ...(output === undefined || jsonBytesOf(output) > share ? {} : { output }),
    diff: answer.diff === null ? null : cutText(answer.diff, share, 'read the files, or run git diff, for the rest'),
    proposed_diff: proposalWithin(frame.proposed_diff, answer, share),
    ...(answer.all_messages === undefined ? {} : { all_messages: messagesWithin(answer.all_messages, share) }),
  }
}

/** Drops events from the end until the rest fits; the cursor then points behind the last that is left, so nothing is lost. */
export function fitEvents(answer: VerbOutput<'events'>, maxBytes = maxAnswerBytes): VerbOutput<'events'> {
  if (jsonBytesOf(answer) <= maxBytes) return answer
  const room = maxBytes - 200
  const kept: VerbOutput<'events'>['events'] = []
  let used = 0
  for (const event of answer.events) {
    used += jsonBytesOf(event) + 1
    if (used > room) break
    kept.push(event)
  }
  const first = answer.events[0]
  if (kept.length === 0 && first !== undefined)
    kept.push({ ...first, data: { cut: cutText(JSON.stringify(first.data), room - 1000, 'this event is too long') } })
  return { ...answer, events: kept, cursor: kept.at(-1)?.seq ?? answer.cursor, has_more: true }
}

/** The answer without what can be cut; parts that are long against all expectation are bounded, too. */
function frameOf(answer: TurnAnswer): TurnAnswer {
  const proposed = answer.proposed_diff
  const { data, ...error } = answer.error ?? { data: undefined, code: '', kind: '', message: '' }
  return {
    ...answer,
    agent_messages: '',
    diff: null,
    proposed_diff: proposed === null ? null : { ...proposed, patch: '', files: proposed.files.slice(0, maxFiles) },
    error: answer.error === null || data === undefined || jsonBytesOf(data) < 4000 ? answer.error : error,
    ...(answer.all_messages === undefined ? {} : { all_messages: [] }),
  }
}

/** The level L at which the sum of min(size, L) is the room. */
function fairShare(sizes: readonly number[], room: number): number {
  let left = Math.max(0, room)
  let parts = sizes.length
  for (const size of sizes.toSorted((a, b) => a - b)) {
    if (size > left / parts) break
    left -= size
    parts -= 1
  }
  return parts === 0 ? Infinity : Math.floor(left / parts)
}

function messageWithin(
  answer: TurnAnswer,
  share: number,
  offset: number,
): Pick<TurnAnswer, 'agent_messages' | 'read_on'> {
  const { agent_messages: text, read_on: before } = answer
  if (jsonBytesOf(text) <= share) return { agent_messages: text, ...(before === undefined ? {} : { read_on: before }) }
  const kept = textWithin(text, share - noteBytes)
  const total = before?.total ?? offset + text.length
  const end = offset + kept.length
  const note = `cut by Tandem after character ${end} of ${total}: call codex_result with turn_id ${answer.turn_id} and offset ${end} to read on`
  return { agent_messages: `${kept}\n\n[${note}]`, read_on: { offset: end, total } }
}

function proposalWithin(
  frame: TurnAnswer['proposed_diff'],
  answer: TurnAnswer,
  share: number,
): TurnAnswer['proposed_diff'] {
  if (frame === null || answer.proposed_diff === null) return null
  const advice = 'the whole patch is in the message itself: read it with codex_result'
  return { ...frame, patch: cutText(answer.proposed_diff.patch, share, advice) }
}

/** The newest messages are worth most: the oldest go first. */
function messagesWithin(all: readonly TurnMessage[], share: number): TurnMessage[] {
  if (jsonBytesOf(all) <= share) return [...all]
  const room = share - noteBytes
  const kept: TurnMessage[] = []
  let used = 0
  for (const message of all.toReversed()) {
    used += jsonBytesOf(message) + 1
    if (used > room) break
    kept.unshift(message)
  }
  const left = all.length - kept.length
  const note = `[cut by Tandem: ${left} earlier of ${all.length} messages left out; codex_events with the turn_id reads them]`
  return [{ kind: 'message', text: note }, ...kept]
}

function cutText(text: string, maxBytes: number, advice: string): string {
  if (jsonBytesOf(text) <= maxBytes) return text
  const kept = textWithin(text, maxBytes - noteBytes)
  return `${kept}\n[cut by Tandem after character ${kept.length} of ${text.length}: ${advice}]`
}
