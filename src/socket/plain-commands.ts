import { inputInvalid, plainFrameSchema, verbs as descriptions } from '#contracts'
import { assertAccepting } from './accepting.ts'
import { directoryNeeded, unknownCommand } from './errors.ts'
import type { Caller, TurnAnswer, VerbCaller, VerbName, VerbInput, VerbOutput } from '#contracts'

/** `session_id` and `turn_id` go with an ask, so that its sender can go on in the session and wait for the turn. */
export interface PlainAnswer {
  readonly success: boolean
  readonly response: string
  readonly session_id?: string | null
  readonly turn_id?: string
}

interface CommandDeps {
  readonly verbs: VerbCaller
  readonly homeDir: string
  readonly signal: AbortSignal
  readonly stopping: () => string | undefined
}

type Members = Readonly<Record<string, unknown>>
type Command = (deps: CommandDeps, members: Members) => Promise<PlainAnswer>

const commands: Readonly<Record<string, Command>> = {
  '/codex-ask': ask,
  '/codex-config': (deps, members) => change(deps, members, 'effort'),
  '/codex-status': status,
  '/codex-reasoning': (deps, members) => change(deps, members, 'reasoning'),
  '/codex-final_only': (deps, members) => change(deps, members, 'final_only'),
}

/** Runs one of the plain commands as the verb that it is. */
export async function runPlainCommand(deps: CommandDeps, frame: object): Promise<PlainAnswer> {
  const parsed = plainFrameSchema.safeParse(frame)
  if (!parsed.success) throw inputInvalid('command', parsed.error)
  const name = parsed.data.command
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (command === undefined) throw unknownCommand(name, Object.keys(commands))
  return command(deps, parsed.data)
}

async function ask(deps: CommandDeps, members: Members): Promise<PlainAnswer> {
  assertAccepting('ask', deps.stopping())
  const { command: _, question, workdir, ...rest } = members
  const cd = rest['cd'] ?? workdir
  // Nobody said where: the home directory can be read, never changed.
  if (cd === undefined && rest['sandbox'] !== undefined && rest['sandbox'] !== 'read-only') throw directoryNeeded()
  const answer = await call(deps, 'ask', { ...rest, prompt: question, cd: cd ?? deps.homeDir })
  return { success: answer.success, response: textOf(answer), session_id: answer.session_id, turn_id: answer.turn_id }
}

async function change(
  deps: CommandDeps,
  members: Members,
  setting: 'effort' | 'reasoning' | 'final_only',
): Promise<PlainAnswer> {
  const value = ['level', 'value', 'argument', 'question'].map(name => members[name]).find(found => found !== undefined)
  // Without a value the settings are only looked at.
  if (value !== undefined) assertAccepting('settings', deps.stopping())
  const cd = members['cd'] ?? members['workdir']
  const where = cd === undefined ? {} : { cd, scope: 'project' }
  const { effective } = await call(deps, 'settings', { ...where, ...(value === undefined ? {} : { [setting]: value }) })
  return { success: true, response: `${setting}: ${wordOf(effective[setting])}` }
}

async function status(deps: CommandDeps): Promise<PlainAnswer> {
  const found = await call(deps, 'status', {})
  const codex = [found.codex.kind, found.codex.version, found.codex.detail].filter(part => part !== null).join(', ')
  const lines = [
    `daemon: ${found.is_stopping ? 'stopping' : 'running'}, version ${found.version}, pid ${found.pid}`,
    `codex: ${codex}`,
    `turns: ${found.turns.running} running, ${found.turns.queued} queued, ${found.turns.ended} ended`,
    `threads: ${found.threads}, clients: ${found.clients}`,
  ]
  return { success: true, response: lines.join('\n') }
}

/** A verb with members as they came: parsed here, at the door. */
async function call<N extends VerbName>(deps: CommandDeps, verb: N, members: Members): Promise<VerbOutput<N>> {
  const parsed = descriptions[verb].input.safeParse(members)
  if (!parsed.success) throw inputInvalid(verb, parsed.error)
  return deps.verbs.call(verb, inputOf<N>(parsed.data), { caller, signal: deps.signal })
}

/** The compiler cannot follow a generic name through the table of schemas; the line above parsed with that name's schema. */
function inputOf<N extends VerbName>(parsed: unknown): VerbInput<N> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed as VerbInput<N>
}

const caller: Caller = { door: 'plain' }

function textOf(answer: TurnAnswer): string {
  const said = answer.all_messages?.map(message => message.text).join('\n\n') ?? answer.agent_messages
  if (answer.error !== null) {
    const { code, message, hint } = answer.error
    return [said, `${code}: ${message}`, hint].filter(part => part !== undefined && part !== '').join('\n')
  }
  if (answer.status === 'completed') return said
  return [said, `the turn is ${answer.status} and goes on: tandem wait ${answer.turn_id}`].filter(Boolean).join('\n')
}

function wordOf(value: string | boolean | null): string {
  if (value === null) return 'default'
  if (typeof value === 'string') return value
  return value ? 'on' : 'off'
}
