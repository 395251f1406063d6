import { readCodexAnswer, readReview } from './codex-answer.ts'
import { codexTool } from './checks.ts'
import { stageNames, stageOfToolCall } from './scenario.ts'
import { excerpt } from './screen.ts'
import type { WireEvent } from '#contracts'
import type { ClaudeNote } from './claude.ts'
import type { CodexAnswer } from './codex-answer.ts'
import type { StageName } from './scenario.ts'
import type { Screen } from './screen.ts'

/** Tells the story as it happens: what Claude Code says of itself, and what the daemon records of Codex. */
export interface Narrator {
  claude(note: ClaudeNote): void
  codex(event: WireEvent): void
}

export function createNarrator(screen: Screen): Narrator {
  let stage: StageName | undefined
  const files = new Map<string, string>()
  let last = ''
  // A file that is changed in several places is told once.
  const sayOnce = (line: string): void => {
    if (line !== last) screen.line(line)
    last = line
  }
  const enter = (next: StageName | undefined): void => {
    if (next === undefined || next === stage) return
    stage = next
    screen.heading(`${stageNames.indexOf(next) + 1}. ${titles[next]}`)
  }
  return {
    claude(note) {
      if (note.kind === 'calls') {
        enter(stageOfToolCall(note.id))
        files.set(note.id, shortPath(note.input['file_path']))
        const line = lineOfCall(note.tool, note.input)
        if (line !== undefined) screen.line(line)
      }
      if (note.kind === 'got') sayOnce(lineOfResult(note, files.get(note.id) ?? ''))
      if (note.kind === 'result') screen.line(`Claude ends: ${note.text}`)
    },
    codex(event) {
      const line = lineOfEvent(event)
      if (line !== undefined) screen.line(line)
    },
  }
}

const titles: Readonly<Record<StageName, string>> = {
  analysis: 'Analysis',
  discussion: 'Discussion',
  prototype: 'Prototype, as a diff',
  implementation: 'Implementation: Claude writes the files itself',
  review: 'Review',
  adjustment: 'Adjustment',
  final_review: 'Final review',
  documentation: 'One more turn, in whose middle the daemon is killed',
}

function lineOfCall(tool: string, input: Readonly<Record<string, unknown>>): string | undefined {
  if (tool === codexTool) return `Claude asks Codex: ${excerpt(String(input['PROMPT']), 1)}`
  if (tool === 'Bash') return `Claude runs: ${excerpt(String(input['command']), 1)}`
  return undefined
}

function lineOfResult(note: Extract<ClaudeNote, { kind: 'got' }>, file: string): string {
  const answer = readCodexAnswer(note.text)
  if (answer !== undefined) return lineOfAnswer(answer)
  if (note.isError) return `It failed: ${excerpt(note.text)}`
  if (file !== '') return `Claude has ${wordOf(note.id)} ${file}`
  const [, passed] = /\bpass (\d+)/.exec(note.text) ?? []
  return passed === undefined ? excerpt(note.text) : `${passed} tests pass.`
}

function wordOf(id: string): string {
  if (id.includes('-write')) return 'written'
  return id.includes('-edit') ? 'changed' : 'read'
}

function lineOfAnswer(answer: CodexAnswer): string {
  return [
    ...(answer.error === null ? [] : [`Codex failed: ${answer.error.code}: ${answer.error.message}`]),
    ...wordsOfAnswer(answer),
    `SESSION_ID ${answer.SESSION_ID ?? 'none'}`,
  ].join('\n')
}

function wordsOfAnswer(answer: CodexAnswer): readonly string[] {
  const review = readReview(answer)
  if (review !== undefined)
    return [
      `Codex's verdict: ${review.verdict}, ${review.findings.length} findings`,
      ...review.findings.map(({ file, problem }) => `- ${file}: ${problem}`),
    ]
  if (answer.proposed_diff === null) return [`Codex answers: ${excerpt(answer.agent_messages)}`]
  const names = answer.proposed_diff.files.map(file => file.path).join(', ')
  return [`Codex answers with a diff of ${names}. git apply takes it: ${answer.proposed_diff.applies ? 'yes' : 'no'}`]
}

function lineOfEvent({ kind, data }: WireEvent): string | undefined {
  if (kind === 'command.started') return `Codex runs: ${excerpt(String(data['command']), 1)}`
  if (kind === 'command.ended' && data['exit_code'] !== 0) return `It ended with ${String(data['exit_code'])}.`
  if (kind === 'turn.started' && data['why'] === 'continue') return 'Codex is told that it was cut, and goes on.'
  return undefined
}

const shortPath = (path: unknown): string => (typeof path === 'string' ? path.split('/').slice(-2).join('/') : '')
