import type { ThreadSummary, TurnSummary, VerbCaller } from '#contracts'
import { plainLine } from '#kernel'
import { idKinds } from './command-entry.ts'
import type { CommandEntry, IdKind } from './command-entry.ts'
import { exitCodes } from './exit-codes.ts'
import { cutTo } from './plain-text.ts'
import type { Session } from './session.ts'

/**
 * What a shell asks while a line is being typed: ids, newest first, each with a few words after a tab. Without a
 * daemon, or when it takes too long, there is none; nothing is said, for it would stand in the middle of the line.
 */
export const completeEntry: CommandEntry = {
  name: '__complete',
  heading: 'More',
  summary: 'ids for completion',
  arguments: [{ name: 'kind', help: 'of what', choices: idKinds }],
  isHidden: true,
  isWithoutJson: true,
  async run(session, line) {
    const kind = idKinds.find(one => one === line.argument('kind'))
    const leaving = new AbortController()
    const late = Promise.withResolvers<readonly string[]>()
    using _limit = session.deps.clock.after(longestMs, () => late.resolve([]))
    const asked = kind === undefined ? [] : askFor(kind, session, leaving.signal).catch(() => [])
    const lines = await Promise.race([asked, late.promise])
    leaving.abort()
    for (const one of lines) session.out.line(one)
    return exitCodes.ok
  },
}

async function askFor(kind: IdKind, { deps }: Session, signal: AbortSignal): Promise<readonly string[]> {
  await using caller = await deps.connect({ startDaemon: false })
  const options = { caller: deps.caller, signal }
  if (kind === 'sessions') {
    const { threads } = await caller.call('threads', { limit: most }, options)
    return ['last\tthe latest one of this directory', ...threads.flatMap(lineOfThread)]
  }
  const turns =
    kind === 'turns' ? (await caller.call('turns', { limit: most }, options)).turns : await openTurns(caller, options)
  return turns.map(lineOfTurn)
}

async function openTurns(
  caller: VerbCaller,
  options: Parameters<VerbCaller['call']>[2],
): Promise<readonly TurnSummary[]> {
  const running = await caller.call('turns', { status: 'running', limit: most }, options)
  const queued = await caller.call('turns', { status: 'queued', limit: most }, options)
  return [...running.turns, ...queued.turns]
}

const lineOfTurn = ({ turn_id, status, prompt }: TurnSummary): string => idLine(turn_id, `${status}: ${prompt}`)

const lineOfThread = ({ session_id, title }: ThreadSummary): readonly string[] =>
  session_id === null ? [] : [idLine(session_id, title)]

const idLine = (id: string, meaning: string): string => `${plainLine(id)}\t${cutTo(plainLine(meaning), 60)}`

const most = 50
/** A person waits for it with a key pressed. */
const longestMs = 1000
