import { z } from 'zod'

/** Where the routes of the verbs begin. */
export const httpBase = '/v1'

/** `http.json`: where the HTTP door is while it serves; afterwards only the port that the next one tries first. */
export const httpFileSchema = z.looseObject({
  url: z.string().nullable(),
  pid: z.int().nullable(),
  port: z.int().min(1).max(65_535),
})
export type HttpFile = z.infer<typeof httpFileSchema>
