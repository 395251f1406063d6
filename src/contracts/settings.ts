import { z } from 'zod'
import { effortSchema } from './turn.ts'

/** What a person sets once instead of with every call. Arguments of a call win over the project, the project over global. */
export const settingsSchema = z.strictObject({
  effort: effortSchema.nullable().describe("reasoning effort; null is the model's own"),
  reasoning: z.boolean().describe('ask for reasoning summaries and show them'),
  final_only: z.boolean().describe('show only the last message instead of all'),
})
export type Settings = z.infer<typeof settingsSchema>

export const defaultSettings: Settings = { effort: null, reasoning: false, final_only: true }

export const settingsChangeSchema = settingsSchema.partial()
export type SettingsChange = z.infer<typeof settingsChangeSchema>
