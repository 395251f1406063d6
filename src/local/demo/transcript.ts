import { stageOfToolCall } from './scenario.ts'
import type { ClaudeNote } from './claude.ts'
import type { StageName } from './scenario.ts'

/** One tool that Claude used. */
export interface ToolUse {
  readonly id: string
  readonly stage: StageName | undefined
  readonly tool: string
  readonly input: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly end: { readonly at: number; readonly text: string; readonly isError: boolean } | undefined
}

/** What Claude Code did, as it told it. */
export interface Transcript {
  readonly uses: readonly ToolUse[]
  readonly result: { readonly text: string; readonly isError: boolean } | undefined
}

export const emptyTranscript: Transcript = { uses: [], result: undefined }

export function withNote(transcript: Transcript, note: ClaudeNote, atMs: number): Transcript {
  switch (note.kind) {
    case 'says':
      return transcript
    case 'calls': {
      const { id, tool, input } = note
      const use = { id, stage: stageOfToolCall(id), tool, input, startedAt: atMs, end: undefined }
      return { ...transcript, uses: [...transcript.uses, use] }
    }
    case 'got': {
      const end = { at: atMs, text: note.text, isError: note.isError }
      return { ...transcript, uses: transcript.uses.map(use => (use.id === note.id ? { ...use, end } : use)) }
    }
    case 'result':
      return { ...transcript, result: { text: note.text, isError: note.isError } }
  }
}
