import { randomBytes } from 'node:crypto'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A Codex conversation; what callers see as SESSION_ID. Given by Codex (a UUID). */
export type ThreadId = Branded<'ThreadId'>
/** One accepted prompt; also Codex's `clientUserMessageId`. */
export type TurnId = Branded<'TurnId'>
export type AgentId = Branded<'AgentId'>
/** One installation of the daemon: the owner of rows of work. */
export type NodeId = Branded<'NodeId'>

export const newTurnId = (nowMs: number): TurnId => branded(sortable('turn', nowMs))
export const newAgentId = (nowMs: number): AgentId => branded(sortable('agent', nowMs))
export const newNodeId = (nowMs: number): NodeId => branded(sortable('node', nowMs))

/** Ids that come back from the store or another program keep their brand through these; they check nothing. */
export const asThreadId = (text: string): ThreadId => branded(text)
export const asTurnId = (text: string): TurnId => branded(text)
export const asAgentId = (text: string): AgentId => branded(text)
export const asNodeId = (text: string): NodeId => branded(text)

/** `prefix_` + 48 bits of milliseconds + 80 random bits, in Crockford base 32 (the layout of a ULID), so ids sort by age. */
function sortable(prefix: string, nowMs: number): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < 10; i += 1, rest = Math.floor(rest / 32)) time = digits.charAt(rest % 32) + time
  let random = ''
  for (const byte of randomBytes(16)) random += digits.charAt(byte % 32)
  return `${prefix}_${time}${random}`
}

/** The one cast: a brand exists only for the compiler, so no check at run time could tell. */
function branded<Id extends Branded<string>>(text: string): Id {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return text as Id
}

const digits = '0123456789abcdefghjkmnpqrstvwxyz'
