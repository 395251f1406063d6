import { resolve } from 'node:path'
import { inputInvalid, verbs } from '#contracts'
import type { CommandShape, VerbInput, VerbName } from '#contracts'
import { fileNotJson, fileUnreadable } from './errors.ts'
import type { FileOption } from './errors.ts'
import type { Members } from './members.ts'

/** Values as the command line gave them, by the verb's member. */
export type Given = ReadonlyMap<string, string | boolean | readonly string[]>

export interface InputContext {
  readonly cwd: string
  readonly readFile: (path: string) => Promise<string>
}

/** What was given, in the types that the verb's schema wants; a value that has no such reading is left as text, for the schema to refuse. */
export async function inputFromGiven(
  command: { readonly shape: CommandShape; readonly members: Members },
  given: Given,
  context: InputContext,
): Promise<Readonly<Record<string, unknown>>> {
  const input: Record<string, unknown> = {}
  for (const [field, value] of given) {
    const kind = command.members.get(field)?.kind ?? 'text'
    const isPath = pathFlag.test(command.shape.options?.[field] ?? '')
    if (kind === 'object')
      input[field] = await readJson({ field, flag: flagOf(command.shape, field) }, String(value), context)
    else if (kind === 'number') input[field] = numberOr(value)
    else if (isPath) input[field] = absolute(value, context.cwd)
    else input[field] = value
  }
  for (const field of Object.keys(command.shape.fromContext ?? {})) input[field] ??= context.cwd
  return input
}

/** Refuses with INPUT_INVALID, which names each wrong member, before anything is connected. */
export function parseInput<N extends VerbName>(name: N, input: Readonly<Record<string, unknown>>): VerbInput<N> {
  const parsed = verbs[name].input.safeParse(input)
  if (!parsed.success) throw inputInvalid(name, parsed.error, field => flagOf(verbs[name].doors.cli, field))
  return ownInput(parsed.data)
}

/** A member as the line gives it: `--wait-ms`, or the word of an argument. */
function flagOf(shape: CommandShape | undefined, field: string): string {
  return /--[\w-]+/.exec(shape?.options?.[field] ?? '')?.[0] ?? field.replaceAll('_', '-')
}

/** The one cast: `verbs[name].input` has just parsed it, but the compiler does not relate the two for an open name. */
function ownInput<N extends VerbName>(data: unknown): VerbInput<N> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return data as VerbInput<N>
}

async function readJson(option: FileOption, path: string, context: InputContext): Promise<unknown> {
  const text = await readOr(option, path, context)
  try {
    const value: unknown = JSON.parse(text)
    return value
  } catch (error) {
    throw fileNotJson(option, path, error)
  }
}

async function readOr(option: FileOption, path: string, context: InputContext): Promise<string> {
  try {
    return await context.readFile(resolve(context.cwd, path))
  } catch (error) {
    throw fileUnreadable(option, path, error)
  }
}

function numberOr(value: string | boolean | readonly string[]): unknown {
  return typeof value === 'string' && /^[+-]?\d+(\.\d+)?$/.test(value) ? Number(value) : value
}

/** An empty path stays empty: the schema refuses it, while resolving would make it the current directory. */
function absolute(value: string | boolean | readonly string[], cwd: string): unknown {
  const one = (path: string): string => (path === '' ? '' : resolve(cwd, path))
  if (typeof value === 'string') return one(value)
  return typeof value === 'boolean' ? value : value.map(one)
}

const pathFlag = /<(?:dir|file)(?:\.\.\.)?>$/
