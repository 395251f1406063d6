import { text } from 'node:stream/consumers'
import { findDeniedCommand } from './denied-commands.ts'
import type { DeniedCommand } from './denied-commands.ts'

/*
 * The program that Codex asks before each command of a turn for which some are denied: these and then the question on stdin, the
 * answer on stdout. It loads next to nothing, because every command waits for it, and no schema library, so it looks at members by itself.
 * Whatever goes wrong here stops the command: `command-hook.ts` makes every failure an exit code 2.
 */
const input = await text(process.stdin)
const end = input.indexOf('\n')
process.stdout.write(answerTo(input.slice(end), input.slice(0, end)))

function answerTo(question: string, rules: string): string {
  const line = commandIn(JSON.parse(question))
  const found = line === undefined ? undefined : findDeniedCommand(line, deniedIn(JSON.parse(rules)))
  if (line === undefined || found === undefined) return ''
  const words = JSON.stringify(found.words.join(' '))
  const why = found.isCertain
    ? `the user's policy does not allow ${words} (commands.deny)`
    : `it cannot be made out what this runs, and the user's policy does not allow ${words} (commands.deny), which it names`
  const reason = `POLICY_DENIED_COMMAND: ${why}; the command was not started: ${line.slice(0, 200)}`
  return JSON.stringify({
    hookSpecificOutput: {
      hookEventName: 'PreToolUse',
      permissionDecision: 'deny',
      permissionDecisionReason: `${reason}\nDo not try it in another way; say in your answer what you would have run.`,
    },
  })
}

/** The command line; undefined for a tool that runs none. A patch comes in the same member (0.169.0). */
function commandIn(question: unknown): string | undefined {
  const tool = memberOf(question, 'tool_name')
  if (typeof tool !== 'string') throw new TypeError('the question names no tool')
  if (tool === 'apply_patch' || tool.startsWith('mcp__')) return undefined
  const command = memberOf(memberOf(question, 'tool_input'), 'command')
  if (typeof command === 'string') return command
  if (Array.isArray(command))
    return command.map(word => `'${String(word).replaceAll("'", String.raw`'\''`)}'`).join(' ')
  if (tool === 'Bash') throw new TypeError('the question has no command')
  return undefined
}

function deniedIn(rules: unknown): readonly DeniedCommand[] {
  if (!Array.isArray(rules)) throw new TypeError('the rules are no list')
  return rules.map(words => (Array.isArray(words) ? words.map(String) : [String(words)]))
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}
