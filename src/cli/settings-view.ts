import type { Settings, VerbOutput } from '#contracts'
import type { Session } from './session.ts'
import { writeTable } from './table.ts'

/** Each setting with the value that holds here and where it comes from. */
export function writeSettings(settings: VerbOutput<'settings'>, { out }: Session): void {
  writeTable(
    out,
    [
      { title: 'SETTING', cell: row => row.name },
      { title: 'VALUE', cell: row => row.value },
      { title: 'FROM', cell: row => row.from },
    ],
    settingNames.map(name => ({ name, value: valueText(settings.effective[name]), from: originOf(settings, name) })),
  )
}

function originOf(settings: VerbOutput<'settings'>, name: keyof Settings): string {
  if (settings.project[name] !== undefined) return 'project'
  return settings.global[name] === undefined ? 'default' : 'global'
}

function valueText(value: Settings[keyof Settings]): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return value ?? "the model's own"
}

const settingNames = ['effort', 'reasoning', 'final_only'] as const satisfies readonly (keyof Settings)[]
