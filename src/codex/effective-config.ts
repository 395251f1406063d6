import type { Clock } from '#kernel'
import { appServerResults as results, codexUserConfigSchema } from '#contracts'
import { codexAnswerMalformed } from './errors.ts'
import type { CodexUserConfig } from '#contracts'
import type { Caller } from './caller.ts'

export interface ConfigReader {
  readonly read: (cwd: string) => Promise<CodexUserConfig>
  /** Asks now for a `read` that comes in a moment; it gets an answer that is not older than the latest call of this. */
  readonly ahead: (cwd: string) => void
}

interface Asked {
  readonly reading: Promise<CodexUserConfig>
  isAnswered: boolean
}

/**
 * What Codex itself would load in a directory: the machine's, the user's and a trusted project's layers. It knows best, so it is
 * asked for each thread (8 to 12 ms); those that are opened at the same moment in one directory share a question.
 */
export function createConfigReader(call: Pick<Caller, 'quick'>, clock: Clock): ConfigReader {
  // Bounded by time: a question and an answer that nobody fetched live for a moment.
  const asked = new Map<string, Asked>()

  async function read(cwd: string): Promise<CodexUserConfig> {
    const { config } = await call.quick('config/read', results['config/read'], { cwd })
    const parsed = codexUserConfigSchema.safeParse(config)
    if (!parsed.success) throw codexAnswerMalformed('config/read', parsed.error.message)
    return parsed.data
  }

  function ask(cwd: string): Asked {
    const entry: Asked = { reading: read(cwd), isAnswered: false }
    asked.set(cwd, entry)
    return entry
  }

  function forget(cwd: string, entry: Asked): void {
    if (asked.get(cwd) === entry) asked.delete(cwd)
  }

  return {
    async read(cwd) {
      const entry = asked.get(cwd) ?? ask(cwd)
      try {
        return await entry.reading
      } finally {
        forget(cwd, entry)
      }
    },
    ahead(cwd) {
      const known = asked.get(cwd)
      if (known !== undefined && !known.isAnswered) return
      const entry = ask(cwd)
      entry.reading.then(
        () => {
          entry.isAnswered = true
          clock.after(keptMs, () => forget(cwd, entry))
        },
        // Whoever needs it asks again, and is told.
        () => forget(cwd, entry),
      )
    },
  }
}

/** From the acceptance of a turn until its thread is opened it is some milliseconds. */
const keptMs = 1000
