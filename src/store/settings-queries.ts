import { settingsChangeSchema } from '#contracts'
import type { SettingsChange } from '#contracts'
import type { Kysely } from 'kysely'
import { objectColumn } from './json-columns.ts'
import type { Tables } from './tables.ts'

export interface SettingsQueries {
  /** What is set in `global` or `project:<dir>`; empty when nothing is. */
  get(scope: string): Promise<SettingsChange>
}

export function createSettingsQueries(db: Kysely<Tables>): SettingsQueries {
  return {
    async get(scope) {
      const row = await db.selectFrom('settings').select('value').where('scope', '=', scope).executeTakeFirst()
      return row === undefined ? {} : settingsOf(row.value)
    },
  }
}

/** Member by member: one that another version wrote and this one does not know must not hide the others. */
function settingsOf(text: string): SettingsChange {
  return Object.entries(objectColumn(text)).reduce<SettingsChange>((known, [name, value]) => {
    const member = settingsChangeSchema.safeParse({ [name]: value })
    return member.success ? { ...known, ...member.data } : known
  }, {})
}
