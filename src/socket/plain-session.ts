import { errorShapeOf } from '#kernel'
import { frameWrong } from './errors.ts'
import { runPlainCommand } from './plain-commands.ts'
import type { AppError } from '#kernel'
import type { PlainAnswer } from './plain-commands.ts'
import type { Session, SessionDeps } from './session.ts'

/** The founding document's protocol: `{"command": …}` a line, one `{"success", "response"}` for each, in order. */
export function createPlainSession(deps: SessionDeps): Session {
  const abort = new AbortController()
  let queue: Promise<void> = Promise.resolve()
  let waiting = 0
  let closing: Error | undefined

  async function answerOne(frame: object, isBare: boolean, place: Disposable): Promise<void> {
    const answer = await outcomeOf(frame)
    deps.send(answer)
    place[Symbol.dispose]()
    waiting -= 1
    if (isBare) deps.end()
  }

  async function outcomeOf(frame: object): Promise<PlainAnswer> {
    try {
      if (closing !== undefined) throw closing
      return await runPlainCommand({ ...deps, signal: abort.signal }, frame)
    } catch (error) {
      return plainFailure(closing ?? error)
    }
  }

  return {
    accept(frame, isBare) {
      if (!isPlainFrame(frame)) return deps.send(plainFailure(frameWrong('the member command is missing')))
      try {
        const place = deps.budget.take()
        waiting += 1
        queue = queue.then(() => answerOne(frame, isBare, place))
      } catch (error) {
        // Answers carry no id: one out of order would be taken for another's, so this is the last.
        deps.send(plainFailure(error))
        deps.end()
      }
    },
    refuse: error => deps.send(plainFailure(error)),
    get calls() {
      return waiting
    },
    detach: () => abort.abort(),
    async close(error) {
      closing = error
      abort.abort()
      await queue
    },
  }
}

/** No `jsonrpc`, and a `command`: the sign of this protocol. */
export function isPlainFrame(value: unknown): value is { readonly command: unknown } {
  return typeof value === 'object' && value !== null && 'command' in value && !('jsonrpc' in value)
}

/** An error in the plain frames' shape; code and hint are in the text, as it has no other place. */
export function plainFailure(error: unknown): PlainAnswer {
  return { success: false, response: textOfError(errorShapeOf(error)) }
}

function textOfError(error: Pick<AppError, 'code' | 'message'> & { readonly hint?: string | undefined }): string {
  const hint = error.hint === undefined ? '' : `\n${error.hint}`
  return `${error.code}: ${error.message}${hint}`
}
