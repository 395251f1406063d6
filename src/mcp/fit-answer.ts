import { turnAnswerSchema } from '#contracts'
import { jsonBytesOf, textWithin } from './json.ts'
import type { TurnAnswer, TurnMessage, VerbOutput } from '#contracts'

/**
 * An answer takes at most this much as JSON: about 20,000 tokens of English or 27,000 of Chinese, near the 25,000 that
 * Claude Code allows a result. What is longer crowds out the work that the answer is for.
 */
const maxAnswerBytes = 80_000

/** What one note about a cut may take. */
const noteBytes = 400

/** Bounds within the frame. They leave most of the room, so every cut text still has thousands of characters. */
const maxFilesBytes = 16_000
const maxErrorPartBytes = 4000
const maxLastEventBytes = 2000

/**
 * Cuts an answer to the bound: what is short stays whole, what is long shares the room. Each cut says so in its text.
 * `offset` is where `agent_messages` starts in the whole message.
 */
export function fitTurnAnswer(given: TurnAnswer, { offset }: { readonly offset: number }): TurnAnswer {
  if (jsonBytesOf(given) <= maxAnswerBytes) return given
  // Nobody knows how long the members of a newer daemon are: here, parsing leaves them out.
  const { output, ...answer } = turnAnswerSchema.parse(given)
  const frame = frameOf(answer)
  const room = maxAnswerBytes - jsonBytesOf(frame)
  const sizes = [
    jsonBytesOf(answer.agent_messages),
    jsonBytesOf(answer.diff ?? ''),
    jsonBytesOf(answer.proposed_diff?.patch ?? ''),
    jsonBytesOf(answer.all_messages ?? []),
  ]
  const outputBytes = jsonBytesOf({ output })
  // JSON cannot be cut, so `output` is there whole or not at all: it is the message, parsed, and that can be read on.
  const hasOutput = output !== undefined && outputBytes <= fairShare([...sizes, outputBytes], room)
  const share = fairShare(sizes, hasOutput ? room - outputBytes : room)
  return {
    ...frame,
    ...messageWithin(answer, share, offset),
    ...(hasOutput ? { output } : {}),
    diff: answer.diff === null ? null : cutText(answer.diff, share, 'read the files, or run git diff, for the rest'),
    proposed_diff: proposalWithin(frame.proposed_diff, answer, share),
    ...(answer.all_messages === undefined ? {} : { all_messages: messagesWithin(answer.all_messages, share) }),
  }
}

/** Drops events from the end until the rest fits; the cursor then points behind the last that is left, so nothing is lost. */
export function fitEvents(answer: VerbOutput<'events'>): VerbOutput<'events'> {
  if (jsonBytesOf(answer) <= maxAnswerBytes) return answer
  const room = maxAnswerBytes - 200
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

/** The answer without what shares the room; parts that are long against all expectation are bounded, too. */
function frameOf(answer: TurnAnswer): TurnAnswer {
  const { proposed_diff: proposed, last_event: event } = answer
  return {
    ...answer,
    agent_messages: '',
    diff: null,
    proposed_diff: proposed === null ? null : { ...proposed, patch: '', files: filesWithin(proposed.files) },
    last_event: event === null ? null : { ...event, text: cutText(event.text, maxLastEventBytes, 'see codex_events') },
    error: answer.error === null ? null : errorWithin(answer.error),
    ...(answer.all_messages === undefined ? {} : { all_messages: [] }),
  }
}

type ProposedFiles = NonNullable<TurnAnswer['proposed_diff']>['files']

/** Those that do not apply are what a reader has to act on: they come first when there is no room for all. */
function filesWithin(files: ProposedFiles): ProposedFiles {
  if (jsonBytesOf(files) <= maxFilesBytes) return files
  const kept: ProposedFiles = []
  let used = 0
  for (const file of files.toSorted((a, b) => Number(a.applies) - Number(b.applies))) {
    used += jsonBytesOf(file) + 1
    if (used > maxFilesBytes) break
    kept.push(file)
  }
  return kept
}

function errorWithin(error: NonNullable<TurnAnswer['error']>): NonNullable<TurnAnswer['error']> {
  const { code, kind, message, hint, data } = error
  if (jsonBytesOf(error) <= maxErrorPartBytes) return error
  return {
    code,
    kind,
    message: textWithin(message, maxErrorPartBytes),
    ...(hint === undefined ? {} : { hint: textWithin(hint, maxErrorPartBytes) }),
    ...(data === undefined || jsonBytesOf(data) > maxErrorPartBytes ? {} : { data }),
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
