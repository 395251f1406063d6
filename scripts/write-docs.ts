import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { configSchema, httpBase, policySchema, turnAnswerSchema, verbs } from '#contracts'
import { commandPages } from './command-pages.ts'
import { optionsOfCommand, promptsOfServer } from './doors.ts'
import type { CommandShape, ToolShape, VerbDescription } from '#contracts'

/** The pages that are written by the schemas and the doors: path from the root of the project -> text. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['docs/configuration.md', configurationPage()],
    ['docs/verbs.md', await verbsPage()],
    ...commandPages(),
  ])
}

function configurationPage(): string {
  const sections = membersOf(z.toJSONSchema(configSchema, { io: 'input' })).map(section =>
    [`## \`[${section.name}]\`\n\n${capital(section.meaning)}.\n`, keyTable(membersOf(section.schema))].join('\n'),
  )
  return page('Configuration', [places, ...sections, policyReference()])
}

/** Members of a table, or of the tables of a list, stand below their own heading. */
function policyReference(): string {
  const isTable = ({ schema }: Member): boolean => tableIn(schema) !== undefined
  const all = membersOf(z.toJSONSchema(policySchema, { io: 'input' }))
  const tables = all.filter(isTable).map(({ name, schema, meaning }) => {
    const header = get(schema, 'type') === 'array' ? `[[${name}]]` : `[${name}]`
    return `### \`${header}\`\n\n${capital(meaning)}.\n\n${keyTable(membersOf(tableIn(schema)))}`
  })
  return [policyIntro, keyTable(all.filter(member => !isTable(member))), ...tables].join('\n\n')
}

const policyIntro = `## policy.toml

\`policy.toml\` in the same directory says what may be asked of Codex; [policy.md](policy.md) explains it by example. The daemon reads it again
whenever it has changed. Every key may be left out but \`directory\` of a rule.`

const keyTable = (members: readonly Member[]): string =>
  [
    '| key | type | default | meaning |\n| --- | --- | --- | --- |',
    ...members.map(({ name, type, fallback, meaning }) => `| \`${name}\` | ${type} | ${fallback} | ${meaning} |`),
  ].join('\n')

function tableIn(schema: unknown): unknown {
  if (get(schema, 'type') === 'object') return schema
  const items = get(schema, 'items')
  return get(items, 'type') === 'object' ? items : undefined
}

const places = `\`config.toml\` in the configuration directory. Every key may be left out, and so may the file; an unknown key is
refused with its name, so that a typo is found at once. The daemon reads it when it starts.

| what | where | set by |
| --- | --- | --- |
| configuration | \`~/.config/tandem\` | \`TANDEM_CONFIG_DIR\`, \`XDG_CONFIG_HOME\` |
| store, lock, log | \`~/.local/state/tandem\` | \`TANDEM_STATE_DIR\`, \`XDG_STATE_HOME\` |
| socket | \`run\` in the state directory | \`TANDEM_RUNTIME_DIR\`, \`XDG_RUNTIME_DIR\` |

Our own variables take absolute paths (a relative one is refused with \`DIRECTORY_RELATIVE\`); a relative \`XDG_…\` one is ignored, as its
specification wants. One daemon runs for each state directory. The state and the runtime directory are created with mode 0700; Tandem refuses to
work in one that others may enter.`

async function verbsPage(): Promise<string> {
  const intro = `Everything that can be asked of Tandem is a verb, and every program may call every verb on the socket
(one JSON-RPC 2.0 object a line; the method is the verb's name). A command, or an MCP tool, is a verb seen through another
door: it has no more and no less logic. What a member is called there is said where it differs. Every command also takes \`--json\`
(answer in JSON, one object a line, errors too) and \`--help\`.

## On the socket

\`tandem status\` shows its path, \`daemon.json\` in the state directory holds it. \`hello\` comes first; \`events: true\` asks for notifications
\`event\` before the answer, and the notification \`detach\` with \`{"id": …}\` ends the waiting of a call, not the work.

\`\`\`json
{"jsonrpc": "2.0", "id": 1, "method": "hello", "params": {"protocol": 1, "version": "0.1.0", "client": "mine"}}
{"jsonrpc": "2.0", "id": 2, "method": "ask", "params": {"input": {"prompt": "…", "cd": "/absolute/path"}, "caller": {"door": "socket"}, "events": true}}
\`\`\`

A simple client leaves \`hello\` out and sends \`{"command": "/codex-ask", "question": "…"}\`, or \`/codex-config\`, \`/codex-status\`,
\`/codex-reasoning\`, \`/codex-final_only\`; the answer to each is one line \`{"success": …, "response": "…"}\`.`
  const answer = `## The answer about a turn\n\nThe same for a finished, a failed and a running one.\n\n${outputTable(turnAnswerSchema)}`
  const sections = Object.values(verbs).map(verbSection)
  return page('Verbs', [intro, ...sections, answer, await promptSection()])
}

async function promptSection(): Promise<string> {
  const rows = (await promptsOfServer()).map(({ name, text }) => `| \`${name}\` | ${cell(text)} |`)
  const intro = 'The MCP server has a prompt for each stage of working with Codex; Claude Code shows them as commands.'
  return `## Prompts\n\n${intro}\n\n| Prompt | meaning |\n| --- | --- |\n${rows.join('\n')}\n`
}

const outputTable = (schema: z.ZodType): string =>
  table('Output', membersOf(z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' })))

function verbSection(verb: VerbDescription): string {
  const { isReadOnly, isIdempotent, isStreaming } = verb.annotations
  const traits = [
    isReadOnly ? 'changes nothing' : 'changes something',
    isIdempotent ? 'may be repeated' : 'is not repeated by a client',
    ...(isStreaming ? ['can pass events while it runs'] : []),
  ]
  return [
    `## ${verb.name}\n\n${capital(verb.summary)}. It ${listOf(traits)}.\n`,
    ...(verb.doors.cli === undefined ? [] : [commandSection(verb.doors.cli)]),
    ...(verb.doors.mcp ?? []).map(toolSection),
    ...(verb.doors.http === undefined
      ? []
      : [`Route: \`${verb.doors.http.method} ${httpBase}${verb.doors.http.path}\`\n`]),
    table('Input', membersOf(z.toJSONSchema(verb.input, { io: 'input', unrepresentable: 'any' }))),
    verb.output === turnAnswerSchema
      ? 'Output: the answer about a turn (at the end of this page).\n'
      : outputTable(verb.output),
  ].join('\n')
}

function commandSection(shape: CommandShape): string {
  const places = (shape.arguments ?? []).map(({ field, isOptional }) => (isOptional ? `[${field}]` : `<${field}>`))
  const options = Object.entries(shape.options ?? {}).map(([field, flags]) => `\`${flags}\` (${field})`)
  const described = [...ofEveryCommand, ...Object.values(shape.options ?? {}).map(longOf)]
  const own = optionsOfCommand(shape.command).filter(({ name }) => !described.includes(longOf(name)))
  return [
    `Command: \`${['tandem', shape.command, ...places].join(' ')}\``,
    ...(options.length === 0 ? [] : [`with ${listOf(options)}`]),
    ...(own.length === 0
      ? []
      : [`and, as a command only, ${listOf(own.map(({ name, text }) => `\`${name}\` (${text})`))}`]),
    ...(shape.examples === undefined ? [''] : ['', '```sh', ...shape.examples, '```', '']),
  ].join('\n')
}

/** Said once, at the top of the page. */
const ofEveryCommand = ['--json', '--help']

/** The long flag of an option's flags. */
const longOf = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? ''

function toolSection(shape: ToolShape): string {
  const renamed = Object.entries(shape.names ?? {}).map(([own, wire]) => `\`${own}\` is called \`${wire}\``)
  const fixed = Object.entries(shape.fixed ?? {}).map(([field, value]) => `\`${field}\` is always \`${String(value)}\``)
  const notes = [...renamed, ...fixed]
  return `MCP tool: \`${shape.tool}\`${notes.length === 0 ? '' : ` (${notes.join('; ')})`}\n`
}

interface Member {
  readonly name: string
  readonly type: string
  readonly fallback: string
  readonly isRequired: boolean
  readonly meaning: string
  readonly schema: unknown
}

function table(title: string, members: readonly Member[]): string {
  if (members.length === 0) return `${title}: nothing.\n`
  const rows = members.map(
    ({ name, type, fallback, isRequired, meaning }) =>
      `| \`${name}\`${isRequired ? '' : '?'} | ${type} | ${[meaning, fallback && `default ${fallback}`].filter(Boolean).join('; ')} |`,
  )
  return `| ${title} | type | meaning |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

/** The members of an object in JSON Schema. What z.toJSONSchema gives is read as unknown: its shape is not ours. */
function membersOf(schema: unknown): readonly Member[] {
  const required = get(schema, 'required')
  return Object.entries(get(schema, 'properties') ?? {}).map(([name, member]) => {
    const fallback = get(member, 'default')
    return {
      name,
      type: cell(typeOf(member)),
      fallback: fallback === undefined ? '' : cell(`\`${JSON.stringify(fallback)}\``),
      isRequired: Array.isArray(required) && required.includes(name),
      meaning: cell(textOf(get(member, 'description'))),
      schema: member,
    }
  })
}

function typeOf(schema: unknown): string {
  const choices = get(schema, 'enum')
  if (Array.isArray(choices)) return choices.map(choice => `\`${String(choice)}\``).join(', ')
  const constant = get(schema, 'const')
  if (constant !== undefined) return `\`${JSON.stringify(constant)}\``
  const either = get(schema, 'anyOf')
  if (Array.isArray(either)) return [...new Set(either.map(typeOf))].join(' or ')
  const types = get(schema, 'type')
  if (Array.isArray(types)) return types.map(String).join(' or ')
  const type = textOf(types) || 'anything'
  if (type === 'array') return `list of ${typeOf(get(schema, 'items'))}`
  return type === 'integer' || type === 'number' ? `${type}${rangeOf(schema)}` : type
}

function rangeOf(schema: unknown): string {
  const [low, high] = [get(schema, 'minimum'), get(schema, 'maximum')]
  if (typeof low !== 'number' || typeof high !== 'number' || low === Number.MIN_SAFE_INTEGER) return ''
  return high === Number.MAX_SAFE_INTEGER ? ` from ${grouped(low)}` : ` ${grouped(low)} to ${grouped(high)}`
}

function get(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, member) : undefined
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const grouped = (value: number): string => value.toLocaleString('en-US')
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const listOf = (parts: readonly string[]): string =>
  parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`

function page(title: string, sections: readonly string[]): string {
  return `<!-- Written by \`npm run docs\` from src/contracts; change it there. -->\n\n# ${title}\n\n${sections
    .join('\n\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  mkdirSync(join(root, 'docs/commands'), { recursive: true })
  for (const [path, text] of await generatedPages()) {
    const isCurrent = readFileSync(join(root, path), { encoding: 'utf8', flag: 'a+' }) === text
    if (!isCurrent) writeFileSync(join(root, path), text)
    console.log(`${isCurrent ? 'current' : 'written'}  ${path}`)
  }
}
