import type { TurnAnswer, Usage, WireEvent } from '#contracts'
import { plain, plainLine } from '#kernel'
import { dataOf, noteOf } from './event-note.ts'
import type { EventNote, Tone } from './event-note.ts'
import { count, counted, duration } from './figures.ts'
import { createMessageStream } from './message-stream.ts'
import type { Output } from './output.ts'
import { cutTo } from './plain-text.ts'
import type { Session } from './session.ts'
import { createStatusLine } from './status-line.ts'
import { cancelledText, detachedText } from './turn-view.ts'
import type { TurnView } from './turn-view.ts'
import { writeBlock, writeProblems } from './write-answer.ts'

/**
 * A turn as it happens: what Codex does as lines, what it does now in a status line below. Messages stream to stdout
 * when that is the terminal; when it is piped they would stand there twice, so they are left out of the progress.
 */
export function createLiveView(session: Session, progress: Output): TurnView {
  const { clock } = session.deps
  const line = createStatusLine(progress)
  const stream = createMessageStream(text => line.above(() => session.out.write(text)))
  const state: LiveState = { since: clock.now(), doing: 'connecting', usage: null }
  const tick = startTicking(session, () => line.show(statusText(state, clock.now())))
  let isOver = false
  const leave = (): void => {
    isOver = true
    tick[Symbol.dispose]()
    stream.end()
    line[Symbol.dispose]()
  }
  return {
    onEvent(event) {
      if (isOver) return
      follow(state, event)
      if (session.out.isTerminal) streamText(stream, event)
      const note = liveNoteOf(event, progress.columns())
      if (note !== null) line.above(() => writeNote(progress, note))
      line.show(statusText(state, clock.now()))
    },
    answer(answer) {
      leave()
      const isShown = session.out.isTerminal && stream.lastShown() === answer.agent_messages
      if (!isShown && answer.status === 'completed') writeBlock(session.out, answer.agent_messages)
      writeFoot(progress, answer)
      writeProblems(session, answer)
    },
    detached(turnId) {
      leave()
      progress.line(detachedText(turnId))
    },
    cancelled(turnId, answer) {
      leave()
      progress.line(cancelledText(turnId, answer))
    },
    [Symbol.dispose]: leave,
  }
}

interface LiveState {
  since: number
  doing: string
  usage: Usage | null
}

/** Keeps what the status line says. */
function follow(state: LiveState, event: WireEvent): void {
  if (event.kind === 'turn.accepted') state.since = event.at
  state.usage = dataOf(event, 'usage') ?? state.usage
  const doing = doingOf(event)
  if (doing !== null) state.doing = doing
}

/** What Codex does from this event on; null when the event does not tell. */
function doingOf(event: WireEvent): string | null {
  const started = dataOf(event, 'command.started')
  if (started !== null) return `running: ${plainLine(started.command)}`
  return Object.hasOwn(doings, event.kind) ? (doings[event.kind] ?? null) : null
}

const doings: Readonly<Record<string, string>> = {
  'turn.accepted': 'queued',
  'turn.started': 'thinking',
  'turn.paused': 'paused',
  'turn.cancelling': 'cancelling',
  'turn.ended': 'ending',
  text: 'writing',
  message: 'thinking',
  reasoning: 'thinking',
  'command.ended': 'thinking',
  'files.changed': 'thinking',
  retrying: 'retrying',
}

function statusText(state: LiveState, nowMs: number): string {
  const tokens = state.usage === null ? [] : [`${count(state.usage.total_tokens)} tokens`]
  return [duration(Math.max(0, nowMs - state.since)), state.doing, ...tokens].join(' · ')
}

function streamText(stream: ReturnType<typeof createMessageStream>, event: WireEvent): void {
  const piece = dataOf(event, 'text')
  if (piece !== null) stream.onText(piece.item_id, piece.text)
  const message = dataOf(event, 'message')
  if (message !== null) stream.onMessage(message.item_id, message.text)
}

/** Null for what the stream, the status line or the answer shows, and what only a program needs. */
function liveNoteOf(event: WireEvent, columns: number): EventNote | null {
  if (silentKinds.has(event.kind) || dataOf(event, 'turn.started')?.why === 'start') return null
  const accepted = dataOf(event, 'turn.accepted')
  if (accepted === null) return noteOf(event)
  // The id first: whoever loses the window finds it in the scrollback.
  const id = plainLine(event.turn_id ?? '')
  const task = plainLine(`in ${accepted.cd} (${accepted.sandbox}): ${accepted.prompt}`)
  return { tone: 'quiet', text: `${id} ${cutTo(task, columns - id.length - 3)}`.trimEnd() }
}

const silentKinds: ReadonlySet<string> = new Set([
  'turn.ended',
  'session.created',
  'text',
  'message',
  'command.started',
  'usage',
  'rate.limits',
])

function writeNote(progress: Output, note: EventNote): void {
  progress.line(painted(progress, note.tone, `· ${note.text}`))
  for (const detail of note.detail?.split('\n') ?? []) progress.line(progress.paint.dim(`    ${detail}`))
}

function painted({ paint }: Output, tone: Tone, text: string): string {
  const brushes: Readonly<Record<Tone, (text: string) => string>> = {
    plain: line => line,
    quiet: paint.dim,
    good: paint.green,
    warning: paint.yellow,
    bad: paint.red,
  }
  return brushes[tone](text)
}

/** Last lines below an answer: what changed, what it took, how to go on. */
function writeFoot(progress: Output, answer: TurnAnswer): void {
  if (answer.status !== 'completed') return
  const changed = changedFiles(answer.diff)
  if (changed.length > 0) progress.line(`· ${counted(changed.length, 'file')} changed: ${changed.join(', ')}`)
  if (answer.proposed_diff !== null) progress.line(`· ${proposalText(answer.proposed_diff)}`)
  if (answer.session_restarted) progress.line('· Codex had lost the session; this is a new one')
  const facts = [
    duration(answer.elapsed_ms),
    ...(answer.usage === null ? [] : [`${count(answer.usage.total_tokens)} tokens`]),
    plainLine(answer.turn_id),
    ...(answer.session_id === null ? [] : [`session ${plainLine(answer.session_id)}`]),
  ]
  progress.line(progress.paint.dim(`· ${facts.join(' · ')}`))
}

function proposalText(proposal: NonNullable<TurnAnswer['proposed_diff']>): string {
  const bad = proposal.files.filter(file => !file.applies)
  if (proposal.applies) return `the proposed diff applies (${counted(proposal.files.length, 'file')})`
  return `the proposed diff does not apply: ${bad.map(file => plainLine(`${file.path} (${file.reason ?? 'no reason given'})`)).join(', ')}`
}

/** Names in a git diff, in its order. */
function changedFiles(diff: string | null): readonly string[] {
  const heads = diff?.matchAll(/^diff --git (?:"?a\/.+?"?) "?b\/(.+?)"?$/gm) ?? []
  return [...heads].map(([, path]) => plain(path ?? ''))
}

/** Once a second, so that the time in the status line moves. */
function startTicking(session: Session, task: () => void): Disposable {
  const { clock } = session.deps
  let timer = clock.after(1000, again)
  function again(): void {
    task()
    timer = clock.after(1000, again)
  }
  return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
}
