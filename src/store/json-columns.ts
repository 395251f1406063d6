import type { z } from 'zod'
import type { JsonObject } from './rows.ts'

/** Undefined stays undefined (not in the patch), null is no value, anything else is text. */
export function jsonText(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return value
  return JSON.stringify(value)
}

/** What a column holds, or null when it is empty or another version wrote something that the schema does not know. */
export function parsedColumn<T>(schema: z.ZodType<T>, text: string | null): T | null {
  const result = schema.safeParse(jsonColumn(text))
  return result.success ? result.data : null
}

export function objectColumn(text: string): JsonObject {
  const value = jsonColumn(text)
  return isObject(value) ? value : {}
}

export function jsonColumn(text: string | null): unknown {
  if (text === null) return null
  try {
    return JSON.parse(text)
  } catch {
    // Not written by us; one unreadable member must not hide the whole row.
    return null
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
