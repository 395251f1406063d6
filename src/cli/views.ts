import type { ThreadSummary, TurnSummary, VerbName, VerbOutput } from '#contracts'
import { plainLine } from '#kernel'
import { ago, count, duration, moment } from './figures.ts'
import { jsonPretty } from './plain-text.ts'
import type { Session } from './session.ts'
import { writePolicy, writePolicyTest } from './policy-view.ts'
import { writeSettings } from './settings-view.ts'
import { writeStatus } from './status-view.ts'
import { writePairs, writeTable } from './table.ts'
import type { Column } from './table.ts'
import { writeAnswer, writeBlock, writeProblems } from './write-answer.ts'

export type View<N extends VerbName> = (output: VerbOutput<N>, session: Session) => void

/** How a verb's answer reads for a person; JSON for a verb that has no view of its own. */
export function viewOf<N extends VerbName>(name: N): View<N> {
  const own: Views = views
  return own[name] ?? ((output, session) => session.out.line(jsonPretty(output)))
}

type Views = { readonly [N in VerbName]?: View<N> }

const views = {
  result: (answer, session) => {
    if (answer.status === 'completed') return writeAnswer(session, answer)
    writeBlock(session.out, answer.agent_messages)
    writeProblems(session, answer)
  },
  cancel: (answer, { out }) => out.line(`${plainLine(answer.turn_id)} ${answer.status}`),
  steer: (answer, { out }) => out.line(`${plainLine(answer.turn_id)} ${answer.status}`),
  turns: ({ turns }, session) => writeTable(session.out, turnColumns(session.deps.clock.now()), turns),
  turn: (output, session) => writeTurn(output, session),
  threads: ({ threads }, session) => writeTable(session.out, threadColumns(session.deps.clock.now()), threads),
  thread: ({ thread, turns }, session) => {
    writeThread(thread, session)
    session.out.line('')
    writeTable(session.out, turnColumns(session.deps.clock.now()), turns)
  },
  archive: ({ thread }, { out }) => out.line(`archived ${plainLine(thread.session_id ?? thread.agent_id)}`),
  settings: writeSettings,
  policy_show: writePolicy,
  policy_test: writePolicyTest,
  status: writeStatus,
  log_level: ({ level, configured }, { out }) =>
    out.line(level === configured ? level : `${level} (${configured} after the next start)`),
} satisfies Views

function turnColumns(now: number): readonly Column<TurnSummary>[] {
  return [
    { title: 'TURN', cell: turn => turn.turn_id },
    { title: 'STATUS', cell: turn => turn.status, rank: 1 },
    { title: 'WHEN', cell: turn => ago(turn.accepted_at, now), raw: turn => moment(turn.accepted_at), rank: 3 },
    { title: 'TOOK', cell: turn => tookOf(turn, now), raw: turn => String(tookMs(turn, now) ?? '-'), rank: 4 },
    {
      title: 'TOKENS',
      cell: turn => tokensOf(turn, count),
      raw: turn => tokensOf(turn, String),
      minColumns: 100,
      rank: 5,
    },
    { title: 'SESSION', cell: turn => turn.session_id ?? '-', minColumns: 140, rank: 6 },
    { title: 'DIRECTORY', cell: turn => turn.cd, isFlexible: true, minColumns: 180, rank: 7 },
    { title: 'PROMPT', cell: turn => turn.prompt, isFlexible: true, rank: 2 },
  ]
}

function threadColumns(now: number): readonly Column<ThreadSummary>[] {
  return [
    { title: 'SESSION', cell: thread => thread.session_id ?? '-' },
    { title: 'STATUS', cell: thread => thread.status, rank: 2 },
    { title: 'TURNS', cell: thread => String(thread.turns), rank: 4 },
    {
      title: 'ACTIVE',
      cell: thread => ago(thread.last_active_at, now),
      raw: thread => moment(thread.last_active_at),
      rank: 3,
    },
    { title: 'DIRECTORY', cell: thread => thread.cd, isFlexible: true, minColumns: 100, rank: 5 },
    { title: 'TITLE', cell: thread => thread.title, isFlexible: true, rank: 1 },
  ]
}

function writeTurn({ turn, prompt, answer }: VerbOutput<'turn'>, session: Session): void {
  const { out, deps } = session
  const now = deps.clock.now()
  writePairs(out, [
    ['turn', turn.turn_id],
    ['status', turn.status],
    ['session', turn.session_id ?? '-'],
    ['directory', turn.cd],
    ['sandbox', turn.sandbox],
    ['accepted', `${ago(turn.accepted_at, now)} (${moment(turn.accepted_at)})`],
    ['took', tookOf(turn, now)],
    ['attempts', String(turn.attempts)],
    ['tokens', tokensOf(turn, count)],
    ...(answer.error === null ? [] : [['error', `${answer.error.code}: ${answer.error.message}`] as const]),
  ])
  out.line(`\n${out.paint.bold('prompt')}`)
  writeBlock(out, prompt)
  if (answer.agent_messages === '') return
  out.line(`\n${out.paint.bold(answer.status === 'completed' ? 'answer' : 'answer so far')}`)
  writeBlock(out, answer.agent_messages)
}

function writeThread(thread: ThreadSummary, { out, deps }: Session): void {
  const now = deps.clock.now()
  writePairs(out, [
    ['session', thread.session_id ?? '-'],
    ['agent', thread.agent_id],
    ['status', thread.status],
    ['directory', thread.cd],
    ['created', `${ago(thread.created_at, now)} (${moment(thread.created_at)})`],
    ['active', `${ago(thread.last_active_at, now)} (${moment(thread.last_active_at)})`],
    ['title', thread.title],
  ])
}

/** From the start to the end, or until now; null for a turn that has not started. */
function tookMs(turn: TurnSummary, now: number): number | null {
  return turn.started_at === null ? null : (turn.ended_at ?? now) - turn.started_at
}

function tookOf(turn: TurnSummary, now: number): string {
  const ms = tookMs(turn, now)
  return ms === null ? '-' : duration(ms)
}

const tokensOf = (turn: TurnSummary, write: (figure: number) => string): string =>
  turn.total_tokens === null ? '-' : write(turn.total_tokens)
