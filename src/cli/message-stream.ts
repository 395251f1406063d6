import { plain } from '#kernel'

/**
 * Text of a message as it streams, in whole lines: so that an escape sequence that is cut between two pieces is still
 * seen as one, and a status line may be drawn between them.
 */
export interface MessageStream {
  /** A piece of the message. */
  onText(itemId: string, text: string): void
  /** The whole message; writes what its pieces have not shown. */
  onMessage(itemId: string, text: string): void
  /** Writes a line that has begun. */
  end(): void
  /** The last message that has been shown to its end. */
  lastShown(): string | null
}

export function createMessageStream(write: (text: string) => void): MessageStream {
  let itemId: string | null = null
  let pending = ''
  /** Length and last part of the pieces so far: enough to know where the whole message goes on. */
  let received = 0
  let tail = ''
  let lastShown: string | null = null

  const end = (): void => {
    if (pending !== '') write(`${plain(pending)}\n`)
    pending = ''
    received = 0
    tail = ''
    itemId = null
  }
  const push = (text: string): void => {
    pending += text
    const cut = Math.max(pending.lastIndexOf('\n') + 1, pending.length > longestPending ? pending.length : 0)
    if (cut > 0) write(plain(pending.slice(0, cut)))
    pending = pending.slice(cut)
  }
  return {
    onText(id, text) {
      if (id !== itemId) end()
      itemId = id
      received += text.length
      tail = (tail + text).slice(-tailLength)
      push(text)
    },
    onMessage(id, text) {
      const goesOn = id === itemId && text.slice(received - tail.length, received) === tail
      if (!goesOn) end()
      push(text.slice(received))
      end()
      lastShown = text
    },
    end,
    lastShown: () => lastShown,
  }
}

const longestPending = 8192
const tailLength = 200
