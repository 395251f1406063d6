import { maxPromptBytes } from '#contracts'
import type { Session } from './session.ts'

/**
 * The prompt: the arguments, then what is piped in, with a blank line between. `-` alone is what is piped or typed in. Reads at most
 * one byte more than a prompt may have, so that the schema refuses what is longer without our holding all of it.
 */
export async function readPrompt(session: Session, line: string | undefined): Promise<string> {
  const { stdin } = session.deps
  const isDash = line === '-'
  const words = isDash ? undefined : line
  const isRead = isDash || stdin.kind === 'pipe' || (stdin.kind === 'other' && words === undefined)
  const piped = isRead ? await readAll(session, words !== undefined) : ''
  return [words, piped].filter(part => part !== undefined && part.trim() !== '').join('\n\n')
}

async function readAll(session: Session, hasWords: boolean): Promise<string> {
  const decoder = new TextDecoder()
  const limit = maxPromptBytes + 1
  let text = ''
  let bytes = 0
  // A pipe that somebody forgot to close looks like a hang: say what we wait for.
  using _reminder = session.deps.clock.after(reminderMs, () => {
    if (hasWords)
      session.err.line('tandem: waiting for the end of stdin; close it (`< /dev/null`) if nothing is to come')
  })
  for await (const chunk of session.deps.stdin.read()) {
    const part = Buffer.from(chunk).subarray(0, limit - bytes)
    text += decoder.decode(part, { stream: true })
    bytes += part.length
    if (bytes >= limit) break
  }
  return text + decoder.decode()
}

const reminderMs = 3000
