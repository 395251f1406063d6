import type { Clock } from '#kernel'
import { appServerResults as results, codexUserConfigSchema } from '#contracts'
import { codexAnswerMalformed } from './errors.ts'
import type { CodexUserConfig } from '#contracts'
import type { Caller } from './caller.ts'
import type { ConfigStamp } from './config-stamp.ts'

export interface ConfigReader {
  readonly read: (cwd: string) => Promise<CodexUserConfig>
  /** Asks now for a `read` that comes in a moment. */
  readonly ahead: (cwd: string) => void
}

export interface ConfigReaderDeps {
  readonly call: Pick<Caller, 'quick'>
  readonly clock: Clock
  /** The state of the files that Codex reads for a directory. */
  readonly stampOf: (cwd: string) => Promise<ConfigStamp>
}

interface Asked {
  readonly stamp: string
  readonly reading: Promise<CodexUserConfig>
  /** On the monotonic clock. */
  readonly until: number
}

/** A minute, because not everything is a file: the settings that a company's administration gives a Mac are none. */
const keptMs = 60_000
/** Two changes within the tick of a file system's clock look like one. */
const keptAfterChangeMs = 1000
const settledAfterMs = 2000
/** With it anything may be where a project begins, so there is nothing to look at that would tell. */
const rootMarkers = 'project_root_markers'
/** Directories, the latest ones. */
const maxKept = 256

/**
 * What Codex itself would load in a directory: the machine's, the user's and a trusted project's layers. It knows best, so it is
 * asked (8 to 12 ms, of which a new thread would wait for most), and its answer is kept while the files that it comes from are the same.
 */
export function createConfigReader({ call, clock, stampOf }: ConfigReaderDeps): ConfigReader {
  const kept = new Map<string, Asked>()

  async function ask(cwd: string): Promise<CodexUserConfig> {
    const { config } = await call.quick('config/read', results['config/read'], { cwd })
    const parsed = codexUserConfigSchema.safeParse(config)
    if (!parsed.success) throw codexAnswerMalformed('config/read', parsed.error.message)
    return parsed.data
  }

  function keep(cwd: string, asked: Asked): void {
    kept.delete(cwd)
    kept.set(cwd, asked)
    const [oldest] = kept.keys()
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest)
  }

  function begin(cwd: string, stamp: ConfigStamp): Asked {
    const isSettled = clock.now() - stamp.changedAt > settledAfterMs
    const until = clock.monotonic() + (isSettled ? keptMs : keptAfterChangeMs)
    const asked = { stamp: stamp.text, reading: ask(cwd), until }
    keep(cwd, asked)
    const forget = (): void => void (kept.get(cwd) === asked && kept.delete(cwd))
    asked.reading.then(config => rootMarkers in config && forget(), forget)
    return asked
  }

  async function read(cwd: string): Promise<CodexUserConfig> {
    // Before the question: what changes while Codex reads is seen by the next one.
    const stamp = await stampOf(cwd)
    const known = (): Asked | undefined => {
      const asked = kept.get(cwd)
      return asked?.stamp === stamp.text && clock.monotonic() < asked.until ? asked : undefined
    }
    const shared = known()
    if (shared === undefined) return begin(cwd, stamp).reading
    // The failure of a question that was asked for somebody else is not this one's yet.
    return shared.reading.catch(() => (known() ?? begin(cwd, stamp)).reading)
  }

  return {
    read,
    ahead: cwd => void read(cwd).catch(() => undefined /* Whoever needs it asks again, and is told. */),
  }
}
