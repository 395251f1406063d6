import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { messageOf, systemCodeOf } from '#kernel'
import type { ChildProcess } from 'node:child_process'
import type { DemoPlace } from './place.ts'

/** What Claude Code tells of itself while it works. */
export type ClaudeNote =
  | { readonly kind: 'says'; readonly text: string }
  | {
      readonly kind: 'calls'
      readonly id: string
      readonly tool: string
      readonly input: Readonly<Record<string, unknown>>
    }
  | { readonly kind: 'got'; readonly id: string; readonly text: string; readonly isError: boolean }
  | { readonly kind: 'result'; readonly text: string; readonly isError: boolean }

export interface ClaudeEnd {
  readonly code: number | null
  readonly signal: string | null
  readonly lastWords: string
}

/** A running Claude Code. Disposing ends it and whatever it started. */
export interface Claude extends AsyncDisposable {
  readonly ended: Promise<ClaudeEnd>
}

export interface ClaudeOptions {
  readonly place: DemoPlace
  readonly packageDir: string
  readonly task: string
  readonly tools: string
  readonly onNote: (note: ClaudeNote) => void
}

/** `claude-codex` as a person would start it, with one prompt, telling each of its steps as a line of JSON. */
export function startClaude({ place, packageDir, task, tools, onNote }: ClaudeOptions): Claude {
  const flags = ['--output-format=stream-json', '--verbose', `--allowedTools=${tools}`]
  const child = spawn(join(packageDir, 'bin', 'claude-codex'), [place.projectDir, '-p', task, ...flags], {
    cwd: place.root,
    env: { ...place.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C is for us, and we end all of it.
    detached: true,
  })
  let lastWords = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (lastWords = (lastWords + text).slice(-2000)))
  createInterface({ input: child.stdout }).on('line', line => {
    const notes = notesOf(line)
    // What is no JSON at all is a message for a person.
    if (notes.length === 0 && !line.startsWith('{')) lastWords = `${lastWords}${line}\n`.slice(-2000)
    for (const note of notes) onNote(note)
  })
  const ended = endOf(child, () => lastWords.trim())
  return {
    ended,
    async [Symbol.asyncDispose]() {
      endGroup(child, 'SIGTERM')
      const giveUp = setTimeout(() => endGroup(child, 'SIGKILL'), 3000)
      await ended
      clearTimeout(giveUp)
      endGroup(child, 'SIGKILL')
    },
  }
}

async function endOf(child: ChildProcess, lastWords: () => string): Promise<ClaudeEnd> {
  try {
    await once(child, 'close')
  } catch (error) {
    return { code: null, signal: null, lastWords: messageOf(error) }
  }
  return { code: child.exitCode, signal: child.signalCode, lastWords: lastWords() }
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch (error) {
    // All of it is gone already.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}

/** Lines of another kind, and those that are none of JSON, give nothing. */
export function notesOf(line: string): readonly ClaudeNote[] {
  const parsed = lineSchema.safeParse(jsonOf(line))
  if (!parsed.success) return []
  const { data } = parsed
  if (data.type === 'result') return [{ kind: 'result', text: data.result ?? '', isError: data.is_error }]
  if (data.type === 'system') return []
  return data.message.content.flatMap((block): readonly ClaudeNote[] => {
    const known = blockSchema.safeParse(block)
    if (!known.success) return []
    switch (known.data.type) {
      case 'text':
        return [{ kind: 'says', text: known.data.text }]
      case 'tool_use':
        return [{ kind: 'calls', id: known.data.id, tool: known.data.name, input: known.data.input }]
      case 'tool_result':
        return [
          { kind: 'got', id: known.data.tool_use_id, text: textOf(known.data.content), isError: known.data.is_error },
        ]
    }
  })
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // Not for us.
    return undefined
  }
}

const textOf = (content: z.infer<typeof resultContentSchema>): string =>
  typeof content === 'string' ? content : content.map(part => part.text ?? '').join('')

const resultContentSchema = z.union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))])

const blockSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text'), text: z.string() }),
  z.looseObject({
    type: z.literal('tool_use'),
    id: z.string(),
    name: z.string(),
    input: z.record(z.string(), z.unknown()),
  }),
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: resultContentSchema.default(''),
    is_error: z.boolean().default(false),
  }),
])

const messageSchema = z.looseObject({ content: z.array(z.unknown()) })
const lineSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('system') }),
  z.looseObject({ type: z.literal('assistant'), message: messageSchema }),
  z.looseObject({ type: z.literal('user'), message: messageSchema }),
  z.looseObject({ type: z.literal('result'), is_error: z.boolean(), result: z.string().optional() }),
])
