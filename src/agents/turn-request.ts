import { createHash } from 'node:crypto'
import { access, constants, open, realpath, stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { effortSchema, sandboxSchema } from '#contracts'
import type { ParsedInput, Sandbox } from '#contracts'
import { AppError, messageOf, systemCodeOf } from '#kernel'
import type { TurnRow } from '#store'
import { directoryInvalid, imageInvalid, outputMismatch, outputSchemaInvalid, turnUnreadable } from './errors.ts'

/** What a turn was asked for beside its prompt; stored with it, so that it can be run after a restart. */
const turnRequestSchema = z.object({
  cd: z.string(),
  sandbox: sandboxSchema,
  /** Whether its commands reach the network. Stored with the turn since there is a policy. */
  network: z.boolean().default(false),
  /** Commands that are not started, by their first words. */
  deniedCommands: z.array(z.array(z.string())).default([]),
  model: z.string().nullable(),
  effort: effortSchema.nullable(),
  reasoning: z.boolean(),
  profile: z.string().nullable(),
  images: z.array(z.string()),
  outputSchema: z.record(z.string(), z.unknown()).nullable(),
  onCut: z.enum(['continue', 'fail']),
  returnAllMessages: z.boolean(),
})
export type TurnRequest = z.infer<typeof turnRequestSchema>

/** The request of a turn that is to run. */
export function requestOf(turn: Pick<TurnRow, 'id' | 'request'>): TurnRequest {
  const parsed = turnRequestSchema.safeParse(turn.request)
  if (!parsed.success) throw turnUnreadable(turn.id, parsed.error)
  return parsed.data
}

/** The request of a turn that is only looked at: one row that cannot be read must not hide the others, or stop a start. */
export function knownRequestOf({ request }: Pick<TurnRow, 'request'>): TurnRequest {
  const parsed = turnRequestSchema.safeParse(request)
  if (parsed.success) return parsed.data
  return { ...nothingKnown, cd: typeof request['cd'] === 'string' ? request['cd'] : '' }
}

const nothingKnown: TurnRequest = {
  cd: '',
  sandbox: 'read-only',
  network: false,
  deniedCommands: [],
  model: null,
  effort: null,
  reasoning: false,
  profile: null,
  images: [],
  outputSchema: null,
  onCut: 'continue',
  returnAllMessages: false,
}

export type AskInput = ParsedInput<'ask'>

/** What Codex may touch; `yolo` is another word for everything. */
export function sandboxOf(input: Pick<AskInput, 'sandbox' | 'yolo'>): Sandbox {
  return input.yolo ? 'danger-full-access' : input.sandbox
}

/** The real path of a directory that exists and can be entered. */
export async function resolveDirectory(cd: string): Promise<string> {
  if (!isAbsolute(cd)) throw directoryInvalid(cd, 'is not an absolute path')
  try {
    const real = await realpath(cd)
    if (!(await stat(real)).isDirectory()) throw directoryInvalid(cd, 'is not a directory')
    await access(real, constants.R_OK | constants.X_OK)
    return real
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT') throw directoryInvalid(cd, 'does not exist')
    if (code === 'ENOTDIR') throw directoryInvalid(cd, 'leads through a file')
    if (code === 'EACCES') throw directoryInvalid(cd, 'may not be read')
    if (error instanceof AppError || code === undefined) throw error
    throw directoryInvalid(cd, `cannot be used (${code})`)
  }
}

const maxImageBytes = 20 * 1024 * 1024

/** Codex accepts any path in silence, so each image is looked at first: a readable file that begins like an image. */
export async function checkImage(path: string): Promise<void> {
  if (!isAbsolute(path)) throw imageInvalid(path, 'is not an absolute path')
  try {
    // Without blocking: to open a pipe would wait for its writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const about = await file.stat()
    if (!about.isFile()) throw imageInvalid(path, 'is not a file')
    if (about.size > maxImageBytes) throw imageInvalid(path, `has ${about.size} bytes`)
    const head = Buffer.alloc(12)
    await file.read(head, 0, 12, 0)
    if (!looksLikeImage(head)) throw imageInvalid(path, 'is not a PNG, JPEG, GIF or WebP')
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') throw imageInvalid(path, 'does not exist')
    if (code === 'EACCES') throw imageInvalid(path, 'may not be read')
    if (error instanceof AppError || code === undefined) throw error
    throw imageInvalid(path, `cannot be read (${code})`)
  }
}

function looksLikeImage(head: Buffer): boolean {
  const isPng = head.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
  const isJpeg = head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))
  const isGif = head.toString('latin1', 0, 4) === 'GIF8'
  const isWebp = head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP'
  return isPng || isJpeg || isGif || isWebp
}

/** Refuses a schema that could never be followed; Codex would pass it on unseen and the upstream would fail late. */
export function checkOutputSchema(schema: Readonly<Record<string, unknown>>): void {
  if (schema['type'] !== 'object') throw outputSchemaInvalid('its type is not "object"')
  const { properties, required } = schema
  if (properties !== undefined && !z.record(z.string(), z.unknown()).safeParse(properties).success)
    throw outputSchemaInvalid('its properties are not an object')
  if (required !== undefined && !z.array(z.string()).safeParse(required).success)
    throw outputSchemaInvalid('required is not a list of names')
  validatorOf(schema)
}

/** The answer as JSON when it follows the schema; otherwise a failure that says what is wrong with it. */
export function parseOutput(schema: Readonly<Record<string, unknown>>, text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw outputMismatch(messageOf(error))
  }
  const parsed = validatorOf(schema).safeParse(value)
  if (parsed.success) return value
  throw outputMismatch(
    parsed.error.issues
      .slice(0, 5)
      .map(issue => `${issue.path.join('.') || 'answer'}: ${issue.message}`)
      .join('; '),
  )
}

function validatorOf(schema: Readonly<Record<string, unknown>>): z.ZodType {
  try {
    return z.fromJSONSchema(schema)
  } catch (error) {
    throw outputSchemaInvalid(messageOf(error), error)
  }
}

/** Tells whether two calls with one idempotency key ask the same: how long to wait and how to show it do not count. */
export function hashInput(input: AskInput): string {
  const { wait_ms: _wait, return_all_messages: _all, idempotency_key: _key, ...asked } = input
  return createHash('sha256').update(canonicalJson(asked)).digest('hex')
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}
