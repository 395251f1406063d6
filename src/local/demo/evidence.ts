import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { codexEnvironment, startCodexHost } from '#codex'
import { messageOf, silentLog } from '#kernel'
import { expectedFiles, promptOf } from './scenario.ts'
import { demoCaller } from './watch.ts'
import type { Client } from '#client'
import type { VerbOutput } from '#contracts'
import type { Clock } from '#kernel'
import type { DemoPlace } from './place.ts'
import type { Programs } from './programs.ts'

/** What the daemon's store says, asked over its socket. */
export interface StoreEvidence {
  readonly threads: VerbOutput<'threads'>['threads']
  /** Oldest first, each with its whole prompt. */
  readonly turns: readonly VerbOutput<'turn'>[]
}

export async function readStore(client: Client, place: DemoPlace, signal: AbortSignal): Promise<StoreEvidence> {
  const request = { caller: demoCaller, signal }
  const { threads } = await client.call('threads', { cd: place.projectDir, archived: true }, request)
  const { turns } = await client.call('turns', { limit: 500 }, request)
  const whole = await Promise.all(turns.map(({ turn_id }) => client.call('turn', { turn_id }, request)))
  return { threads, turns: whole.toSorted((a, b) => a.turn.accepted_at - b.turn.accepted_at) }
}

export function wordsOfStore({ threads, turns }: StoreEvidence): string {
  const sessions = new Set(turns.map(({ turn }) => turn.session_id))
  const completed = turns.filter(({ turn }) => turn.status === 'completed')
  return `The store: ${threads.length} session; ${turns.length} turns in ${sessions.size} session, ${completed.length} of them completed.`
}

/** What a person finds in the project afterwards. */
export interface FilesEvidence {
  /** Paths whose text is not what Claude was to write. */
  readonly wrong: readonly string[]
  /** What `node --check` and `node --test` have against them; empty when nothing. */
  readonly complaint: string
}

export async function readFiles({ projectDir, env }: DemoPlace, signal: AbortSignal): Promise<FilesEvidence> {
  const expected = Object.entries(expectedFiles())
  const found = await Promise.all(
    expected.map(async ([path, text]) => ({ path, isRight: (await textOf(join(projectDir, path))) === text })),
  )
  const options = { cwd: projectDir, env: { ...env }, signal, timeout: 30_000 }
  const programs = expected.flatMap(([path]) => (path.endsWith('.js') ? [path] : []))
  const checks = programs.map(path => promisify(execFile)(process.execPath, ['--check', path], options))
  const complaint = await Promise.all([...checks, promisify(execFile)(process.execPath, ['--test'], options)]).then(
    () => '',
    (error: unknown) => messageOf(error).slice(0, 1000),
  )
  return { wrong: found.flatMap(({ path, isRight }) => (isRight ? [] : [path])), complaint }
}

export function wordsOfFiles({ wrong, complaint }: FilesEvidence): string {
  const texts = wrong.length === 0 ? 'as Claude wrote them' : `not as Claude was to write them: ${wrong.join(', ')}`
  return `The files: ${texts}; node --check and node --test ${complaint === '' ? 'pass' : 'fail'}.`
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** What Codex itself has on record: every message that the thread got, oldest first. */
export interface HistoryEvidence {
  readonly messages: readonly string[]
}

export function wordsOfHistory({ messages }: HistoryEvidence): string {
  const times = messages.filter(text => text === promptOf.documentation).length
  return `Codex's own history: ${messages.length} messages to it; the prompt of the turn that was cut: ${times} time.`
}

/** Asks a Codex of our own, in the demo's CODEX_HOME. The daemon must be down: a thread has one owner at a time. */
export async function readHistory(
  { place, programs, clock }: { readonly place: DemoPlace; readonly programs: Programs; readonly clock: Clock },
  threadId: string,
): Promise<HistoryEvidence> {
  await using host = await startCodexHost({
    binary: programs.codex,
    env: codexEnvironment(place.env),
    stateDir: join(place.root, 'history'),
    clock,
    log: silentLog,
  })
  const connection = await host.connection({ timeoutMs: 20_000 })
  const { turns } = await connection.readThread(threadId, { maxTurns: 100 })
  const items = turns.flatMap(turn => turn.items)
  return { messages: items.flatMap(item => (item.kind === 'user-message' ? [item.text] : [])) }
}
