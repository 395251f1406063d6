import type { Reply, Rule, Scenario, Step, When } from './scenario.ts'

/** A scenario of rules, for tests and demos that are written in TypeScript. */
export function scenario(name: string, rules: readonly Rule[], fallback?: Reply): Scenario {
  return { name, rules: [...rules], ...(fallback === undefined ? {} : { fallback }) }
}

/** A rule; each reply is a list of steps, the n-th play gives the n-th reply and the last one repeats. */
export function rule(name: string, when: When, ...replies: readonly (readonly Step[])[]): Rule {
  return { name, when, reply: replies.map(steps => ({ steps: [...steps] })) }
}

/** The same rule, but playing at most so often; later requests go on to the rules after it. */
export function atMost(times: number, limited: Rule): Rule {
  return { ...limited, times }
}

export function say(text: string): Step {
  return { text }
}

export function callTool(name: string, input: Readonly<Record<string, unknown>> | string): Step {
  return { toolCall: { name, arguments: typeof input === 'string' ? input : { ...input } } }
}

/** Runs a command with the shell tool of the client that asks (Codex with any model name, or Claude Code). */
export function shell(command: string): Step {
  return { shell: command }
}

/** Applies a patch with Codex's own tool; the text starts with `*** Begin Patch`. */
export function applyPatch(patch: string): Step {
  return { patch }
}

export function failWith(
  status: number,
  message: string,
  more: { readonly type?: string; readonly code?: string } = {},
): Step {
  return { error: { status, message, ...more } }
}

/** The patch that makes a new file of these lines. */
export function newFilePatch(path: string, lines: readonly string[]): string {
  return ['*** Begin Patch', `*** Add File: ${path}`, ...lines.map(line => `+${line}`), '*** End Patch', ''].join('\n')
}
