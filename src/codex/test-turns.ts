import { readdirSync, readFileSync } from 'node:fs'
import { rule, say, shell } from '#scripted-model'
import { watch } from './harness.ts'
import type { Rule, Step } from '#scripted-model'
import type { RealCodex, Watch } from './harness.ts'
import type { CodexConnection, ThreadSettings, TurnInput } from './index.ts'

/* Turns of the real program, on a scripted model. */

export const gated = (name: string): Step => ({ gate: name })
export const onPrompt = (text: string, ...steps: readonly Step[]): Rule =>
  rule(text, { lastText: text, sincePrompt: 0 }, steps)
export const runs = (prompt: string, command: string): readonly Rule[] => [
  rule(`${prompt} result`, { anyText: prompt, sincePrompt: 1 }, [say('ran')]),
  onPrompt(prompt, shell(command)),
]

export const settingsOf = (codex: RealCodex): ThreadSettings => ({ cwd: codex.place.work, sandbox: 'read-only' })
export const turnOn = (codex: RealCodex, threadId: string, text: string): TurnInput => ({
  threadId,
  clientMessageId: `turn_${text.replaceAll(' ', '_')}`,
  text,
  cwd: codex.place.work,
  sandbox: 'read-only',
})

export interface Begun {
  readonly connection: CodexConnection
  readonly seen: Watch
  readonly threadId: string
  readonly codexTurnId: string
}

/** A turn with this prompt in a thread of its own. */
export async function begin(codex: RealCodex, text: string, settings: Partial<ThreadSettings> = {}): Promise<Begun> {
  const connection = await codex.connect()
  const seen = watch(connection)
  const { threadId } = await connection.startThread({ ...settingsOf(codex), ...settings })
  const { codexTurnId } = await connection.startTurn({ ...turnOn(codex, threadId, text), ...onlyTurn(settings) })
  return { connection, seen, threadId, codexTurnId }
}

const onlyTurn = ({ sandbox, approvalPolicy }: Partial<ThreadSettings>): Partial<TurnInput> => ({
  ...(sandbox === undefined ? {} : { sandbox }),
  ...(approvalPolicy === undefined ? {} : { approvalPolicy }),
})

/** Command lines of all processes that hold the text. */
export function commandsWith(text: string): readonly string[] {
  const lines = readdirSync('/proc').flatMap(pid => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : []
    } catch {
      // It ended while we looked.
      return []
    }
  })
  return lines.filter(line => line.includes(text))
}

/** A duration nobody else sleeps for. */
export const uniqueSleep = (): string => `sleep ${1000 + Math.floor(Math.random() * 1_000_000)}.5`

export const isCommand = (event: { readonly item: { readonly kind: string } }): boolean => event.item.kind === 'command'
