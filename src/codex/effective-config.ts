import { appServerResults as results, codexUserConfigSchema } from '#contracts'
import { codexAnswerMalformed } from './errors.ts'
import type { CodexUserConfig } from '#contracts'
import type { Caller } from './caller.ts'

/**
 * What Codex itself would load in a directory: the machine's, the user's and a trusted project's layers. It knows best, so it is
 * asked for each thread (8 to 12 ms); those that are opened at the same moment in one directory share a question.
 */
export function createConfigReader(call: Pick<Caller, 'quick'>): (cwd: string) => Promise<CodexUserConfig> {
  const asked = new Map<string, Promise<CodexUserConfig>>()

  async function read(cwd: string): Promise<CodexUserConfig> {
    const { config } = await call.quick('config/read', results['config/read'], { cwd })
    const parsed = codexUserConfigSchema.safeParse(config)
    if (!parsed.success) throw codexAnswerMalformed('config/read', parsed.error.message)
    return parsed.data
  }

  return cwd => {
    const known = asked.get(cwd)
    if (known !== undefined) return known
    const reading = read(cwd).finally(() => asked.delete(cwd))
    asked.set(cwd, reading)
    return reading
  }
}
