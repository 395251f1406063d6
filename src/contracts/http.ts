import { z } from 'zod'
import { callerSchema } from './caller.ts'
import type { Caller } from './caller.ts'

/** Where the routes of the verbs begin. */
export const httpBase = '/v1'

/** `http.json`: where the HTTP door is while it serves; afterwards only the port that the next one tries first. */
export const httpFileSchema = z.looseObject({
  url: z.string().nullable(),
  pid: z.int().nullable(),
  port: z.int().min(1).max(65_535),
})
export type HttpFile = z.infer<typeof httpFileSchema>

/** Headers that say who asks, at every door that is reached by HTTP. */
export const callerHeaders = { project_dir: 'Tandem-Project-Dir', claude_session_id: 'Tandem-Claude-Session' } as const

/**
 * Who asks, as far as the headers say it. They are percent-encoded UTF-8, as headers are Latin-1. What is no such text, or too long, counts
 * as not there: Claude Code sends `${NAME}` as it is written when there is no such variable, and refusing it would help nobody.
 */
export function callerOfHeaders(headers: Pick<Headers, 'get'>): Pick<Caller, keyof typeof callerHeaders> {
  const { project_dir, claude_session_id } = callerSchema.shape
  const project = project_dir.safeParse(decoded(headers.get(callerHeaders.project_dir))).data
  const session = claude_session_id.safeParse(decoded(headers.get(callerHeaders.claude_session_id))).data
  return {
    ...(project === undefined ? {} : { project_dir: project }),
    ...(session === undefined ? {} : { claude_session_id: session }),
  }
}

function decoded(value: string | null): string | undefined {
  if (value === null || value === '' || value.startsWith('${')) return undefined
  try {
    return decodeURIComponent(value)
  } catch {
    // A lone percent sign.
    return undefined
  }
}
