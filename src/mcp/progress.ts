import type { Clock, Log } from '#kernel'
import type { WireEvent } from '#contracts'

export interface ProgressDeps {
  readonly clock: Clock
  readonly log: Log
  readonly send: (progress: { readonly progress: number; readonly message: string }) => Promise<void>
}

/** Tells the client every few seconds, and at once when something happens, how the wait goes. */
export interface Progress extends Disposable {
  note(event: WireEvent): void
}

const everyMs = 3000
/** Events in a burst are told together. */
const atMostEveryMs = 250

export function startProgress(deps: ProgressDeps): Progress {
  const { clock } = deps
  const startedAt = clock.monotonic()
  let lastTold = -1
  let doing = 'waiting for Codex'
  let timer: Disposable | undefined
  let isOver = false

  function tell(): void {
    timer?.[Symbol.dispose]()
    if (isOver) return
    const elapsedMs = clock.monotonic() - startedAt
    // Progress must rise with every notification.
    lastTold = Math.max(elapsedMs, lastTold + 1)
    const seconds = Math.floor(elapsedMs / 1000)
    deps
      .send({ progress: lastTold / 1000, message: `${seconds} s: ${doing}` })
      .catch((error: unknown) => deps.log.debug({ error }, 'progress not sent'))
    timer = clock.after(everyMs, tell)
  }

  tell()
  return {
    note(event) {
      const text = doingOf(event)
      if (text === undefined || isOver) return
      doing = text
      timer?.[Symbol.dispose]()
      timer = clock.after(Math.max(0, lastTold + atMostEveryMs - (clock.monotonic() - startedAt)), tell)
    },
    [Symbol.dispose]() {
      isOver = true
      timer?.[Symbol.dispose]()
    },
  }
}

/** What an event says about what Codex does now, on one line; undefined for those that say nothing to a person. */
function doingOf(event: WireEvent): string | undefined {
  const words = phrases[event.kind]
  if (words === undefined) return undefined
  const detail = words.member === undefined ? undefined : event.data[words.member]
  if (typeof detail !== 'string' || detail.trim() === '') return words.says
  return `${words.says}: ${firstOf(detail)}`
}

function firstOf(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, ' ')
  const points = Array.from(line.slice(0, 400))
  return points.length <= 160 ? line : `${points.slice(0, 160).join('')}…`
}

const phrases: Readonly<Record<string, { readonly says: string; readonly member?: string }>> = {
  'turn.accepted': { says: 'accepted, waiting for its turn' },
  'turn.started': { says: 'Codex started' },
  'turn.steered': { says: 'told', member: 'message' },
  'turn.cancelling': { says: 'being cancelled' },
  'turn.paused': { says: 'paused', member: 'reason' },
  'turn.reconciled': { says: 'picked up after a crash', member: 'reason' },
  'session.restarted': { says: 'session restarted', member: 'reason' },
  text: { says: 'writing' },
  message: { says: 'said', member: 'text' },
  reasoning: { says: 'thinking', member: 'text' },
  plan: { says: 'planning', member: 'text' },
  'command.started': { says: 'running', member: 'command' },
  'command.ended': { says: 'ran', member: 'command' },
  'files.changed': { says: 'changed files' },
  tool: { says: 'using a tool', member: 'name' },
  retrying: { says: 'the model is being retried', member: 'message' },
  warning: { says: 'warning', member: 'message' },
  declined: { says: 'declined', member: 'reason' },
}
