import { eventDataSchemas } from '#contracts'
import type { EventData, EventKind, WireEvent } from '#contracts'
import { plain, plainLine } from '#kernel'
import { count, duration } from './figures.ts'
import { limitsText } from './limits-text.ts'
import { jsonLine } from './plain-text.ts'

export type Tone = 'plain' | 'quiet' | 'good' | 'warning' | 'bad'

export interface EventNote {
  readonly tone: Tone
  /** One line, plain. */
  readonly text: string
  /** Lines that belong below it. */
  readonly detail?: string
}

/** An event in words. A kind or data of another version is shown as it came. */
export function noteOf(event: WireEvent): EventNote {
  const { kind } = event
  if (!isKnown(kind)) return asItCame(event)
  const parsed = eventDataSchemas[kind].safeParse(event.data)
  return parsed.success ? noteOfKnown(kind, parsed.data) : asItCame(event)
}

/** The data of an event when it is of that kind and shape, otherwise null. */
export function dataOf<K extends EventKind>(event: WireEvent, kind: K): EventData<K> | null {
  if (event.kind !== kind) return null
  const parsed = eventDataSchemas[kind].safeParse(event.data)
  return parsed.success ? knownData<K>(parsed.data) : null
}

type Writers = { readonly [K in EventKind]: (data: EventData<K>) => EventNote }

const writers: Writers = {
  'turn.accepted': data => quiet(`accepted: ${plainLine(data.prompt)}`),
  'turn.started': data => quiet(`started (${data.why}, attempt ${data.attempt})`),
  'turn.steered': data => quiet(`steered: ${plainLine(data.message)}`),
  'turn.cancelling': data => warning(`cancelling, asked by ${plainLine(data.by)}`),
  'turn.paused': data => warning(`paused: ${plainLine(data.reason)}`),
  'turn.reconciled': data => warning(`after an interruption: ${data.decision}, because ${plainLine(data.reason)}`),
  'turn.ended': data => endNote(data),
  'session.created': data => quiet(`session ${plainLine(data.session_id)}`),
  'session.restarted': data => warning(`a new session, because ${plainLine(data.reason)}`),
  'session.archived': data => quiet(`archived session ${plainLine(data.session_id ?? '-')}`),
  text: data => ({ tone: 'plain', text: plainLine(data.text) }),
  message: data => ({ tone: 'plain', text: plainLine(data.text) }),
  reasoning: data => ({ tone: 'quiet', text: `thinking: ${plainLine(data.text)}` }),
  plan: data => ({ tone: 'quiet', text: 'plan', detail: plain(data.text) }),
  'command.started': data => quiet(`$ ${plainLine(data.command)}`),
  'command.ended': data => commandNote(data),
  'files.changed': data => ({
    tone: 'good',
    text: `files: ${data.files.map(file => `${plainLine(file.path)} (${plainLine(file.change)})`).join(', ')}`,
  }),
  tool: data => quiet(`tool ${plainLine(data.name)}: ${plainLine(data.status)}`),
  usage: data => quiet(`${count(data.total_tokens)} tokens`),
  'rate.limits': data => quiet(`rate limits: ${limitsText(data) ?? 'not known'}`),
  retrying: data => warning(`retrying: ${plainLine(data.message)}`),
  warning: data => warning(plainLine(data.message)),
  declined: data => warning(`declined ${plainLine(data.request)}: ${plainLine(data.reason)}`),
}

function noteOfKnown<K extends EventKind>(kind: K, data: unknown): EventNote {
  const write: Writers[K] = writers[kind]
  return write(knownData<K>(data))
}

function endNote(data: EventData<'turn.ended'>): EventNote {
  if (data.error === null) return { tone: data.status === 'completed' ? 'good' : 'warning', text: data.status }
  return { tone: 'bad', text: `${data.status}: ${plainLine(data.error.code)}: ${plainLine(data.error.message)}` }
}

function commandNote(data: EventData<'command.ended'>): EventNote {
  const took = data.duration_ms === null ? '' : `, ${duration(data.duration_ms)}`
  const text = `$ ${plainLine(data.command)} (exit ${data.exit_code ?? 'unknown'}${took})`
  if (data.exit_code === 0) return { tone: 'quiet', text }
  const lastLines = plain(data.output).trimEnd().split('\n').slice(-shownOutputLines).join('\n')
  return { tone: 'warning', text, ...(lastLines === '' ? {} : { detail: lastLines }) }
}

const asItCame = (event: WireEvent): EventNote => quiet(`${plainLine(event.kind)} ${jsonLine(event.data)}`)
const quiet = (text: string): EventNote => ({ tone: 'quiet', text })
const warning = (text: string): EventNote => ({ tone: 'warning', text })
const isKnown = (kind: string): kind is EventKind => Object.hasOwn(eventDataSchemas, kind)

/** The one cast: the data has just been parsed by the schema of that very kind, which the compiler cannot relate. */
function knownData<K extends EventKind>(data: unknown): EventData<K> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return data as EventData<K>
}

const shownOutputLines = 5
