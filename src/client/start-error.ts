import { readFile, stat } from 'node:fs/promises'
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

/** Which errors lie there: one that is left later is another. The clock may be set meanwhile, so that its time would not tell. */
export type StartErrorMarks = readonly (string | undefined)[]

export async function markStartErrors(places: Places): Promise<StartErrorMarks> {
  return Promise.all(startErrorFilesOf(places).map(markOf))
}

/** Why a start failed, when there is an error that was not there `before`; or undefined. */
export async function readStartError(places: Places, before: StartErrorMarks = []): Promise<AppError | undefined> {
  for (const [at, file] of startErrorFilesOf(places).entries()) {
    const mark = await markOf(file)
    const failure = mark === undefined || mark === before[at] ? undefined : await readFrom(file)
    if (failure !== undefined) return failure
  }
  return undefined
}

async function markOf(file: string): Promise<string | undefined> {
  try {
    const { dev, ino, mtimeNs, size } = await stat(file, { bigint: true })
    return [dev, ino, mtimeNs, size].join(' ')
  } catch {
    // None, or out of reach.
    return undefined
  }
}

async function readFrom(file: string): Promise<AppError | undefined> {
  try {
    const found = startErrorSchema.parse(JSON.parse(await readFile(file, 'utf8')))
    return errorFromShape(errorShapeFrom(found.error))
  } catch {
    // None, or one that is being written: the next look finds it.
    return undefined
  }
}
