import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { errorFromShape, errorSchema, errorShapeFrom } from '#contracts'
import type { AppError } from '#kernel'
import type { Places } from '#contracts'

/** Why the daemon could not start, left by it for whoever started it; a daemon that starts removes it. */
const startErrorSchema = z.looseObject({
  at: z.number(),
  pid: z.int(),
  error: errorSchema,
})
export type StartError = z.infer<typeof startErrorSchema>

export const startErrorFileOf = (places: Places): string => startErrorFilesOf(places)[0]

/** Where it usually is, and where it is when there is no room for it. */
export const startErrorFilesOf = (places: Pick<Places, 'stateDir' | 'runtimeDir'>): readonly [string, string] => [
  `${places.stateDir}/start-error.json`,
  `${places.runtimeDir}/start-error.json`,
]

/** The error of a start at or after `sinceMs` (wall clock), or undefined. */
export async function readStartError(places: Places, sinceMs: number): Promise<AppError | undefined> {
  for (const file of startErrorFilesOf(places)) {
    const failure = await readFrom(file, sinceMs)
    if (failure !== undefined) return failure
  }
  return undefined
}

async function readFrom(file: string, sinceMs: number): Promise<AppError | undefined> {
  try {
    const found = startErrorSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    if (found.at < sinceMs) return undefined
    return errorFromShape(errorShapeFrom(found.error))
  } catch {
    // None, or one that is being written: the next look finds it.
    return undefined
  }
}
