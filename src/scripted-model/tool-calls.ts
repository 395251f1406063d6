import { toolNotOffered } from './errors.ts'
import { fillTemplate, fillTree } from './template.ts'
import { newWireId } from './wire-ids.ts'
import type { ToolCall } from './answer.ts'
import type { OfferedTool, RequestView } from './request-view.ts'
import type { Step } from './scenario.ts'
import type { TemplateScope } from './template.ts'

type CallStep = Extract<Step, { toolCall: unknown } | { shell: unknown } | { patch: unknown }>

/** The call that a step means for this client: the same step runs a command in either client and with any model name. */
export function toolCallOf(step: CallStep, scope: TemplateScope): ToolCall {
  const { view } = scope
  if ('shell' in step) return shellCall(view, fillTemplate(step.shell, scope))
  if ('patch' in step) return patchCall(view, fillTemplate(step.patch, scope))
  const { name, arguments: given, id } = step.toolCall
  const input = typeof given === 'string' ? fillTemplate(given, scope) : fillTree(given, scope)
  return { ...callOf(view, name, input), ...(id === undefined ? {} : { id }) }
}

function shellCall(view: RequestView, command: string): ToolCall {
  if (offers(view, 'exec_command')) return callOf(view, 'exec_command', { cmd: command })
  if (offers(view, 'shell_command')) return callOf(view, 'shell_command', { command })
  if (offers(view, 'Bash')) return callOf(view, 'Bash', { command, description: 'Run a command' })
  throw toolNotOffered('run a command', namesOf(view))
}

function patchCall(view: RequestView, patch: string): ToolCall {
  if (!offers(view, 'apply_patch')) throw toolNotOffered('apply a patch', namesOf(view))
  return callOf(view, 'apply_patch', patch)
}

/** A tool that is not offered is called as a function all the same: what the client makes of it may be the test. */
function callOf(view: RequestView, name: string, input: unknown): ToolCall {
  const id = newWireId(view.dialect === 'messages' ? 'toolu' : 'call')
  const tool = view.tools.find(offered => offered.name === name)
  if (tool?.kind === 'nested') return { id, ...placeOf(view, 'exec'), kind: 'custom', input: scriptOf(name, input) }
  const text = typeof input === 'string' ? input : JSON.stringify(input)
  return { id, ...placeOf(view, name), kind: tool?.kind ?? 'function', input: text }
}

function placeOf(view: RequestView, name: string): Pick<ToolCall, 'name' | 'namespace'> {
  const tool: OfferedTool | undefined = view.tools.find(offered => offered.name === name)
  return { name, ...(tool?.namespace === undefined ? {} : { namespace: tool.namespace }) }
}

/** Models with the tool `exec` reach other tools by a script; the output of a command is all that a scenario wants of it. */
function scriptOf(name: string, input: unknown): string {
  const call = `await tools.${name}(${JSON.stringify(input)})`
  return name === 'exec_command' ? `text((${call}).output)` : `text(${call})`
}

function offers(view: RequestView, name: string): boolean {
  return view.tools.some(tool => tool.name === name)
}

function namesOf(view: RequestView): readonly string[] {
  return view.tools.map(tool => tool.name)
}
