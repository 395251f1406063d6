import { resolveDirectory } from '#agents'
import type { ParsedInput } from '#contracts'
import type { Handler } from './handler.ts'
import { projectNeedsDirectory } from './errors.ts'

export const settings: Handler<'settings'> = async (deps, input) => {
  const project = input.cd === undefined ? undefined : await resolveDirectory(input.cd)
  if (hasChange(input)) {
    if (input.scope === 'project' && project === undefined) throw projectNeedsDirectory()
    await deps.agents.settings.edit(
      { project: input.scope === 'project' ? project : undefined },
      { effort: input.effort, reasoning: switchOf(input.reasoning), final_only: switchOf(input.final_only) },
    )
  }
  return deps.agents.settings.view(project)
}

function hasChange(input: ParsedInput<'settings'>): boolean {
  return input.effort !== undefined || input.reasoning !== undefined || input.final_only !== undefined
}

function switchOf(value: 'on' | 'off' | 'default' | undefined): boolean | 'default' | undefined {
  return value === undefined || value === 'default' ? value : value === 'on'
}
