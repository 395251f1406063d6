import type { z } from 'zod'
import { ask } from './ask.ts'
import { cancel } from './cancel.ts'
import { events } from './events.ts'
import { policyShow } from './policy-show.ts'
import { policyTest } from './policy-test.ts'
import { health } from './health.ts'
import { logLevel } from './log-level.ts'
import { result } from './result.ts'
import { settings } from './settings.ts'
import { shutdown } from './shutdown.ts'
import { status } from './status.ts'
import { steer } from './steer.ts'
import { archive, thread, threads } from './threads.ts'
import { turn, turns } from './turns.ts'
import { wait } from './wait.ts'

/** Everything a person or program can ask of Tandem, by name. */
export const verbs = {
  ask,
  wait,
  result,
  steer,
  cancel,
  events,
  turns,
  turn,
  threads,
  thread,
  archive,
  settings,
  policy_show: policyShow,
  policy_test: policyTest,
  status,
  health,
  log_level: logLevel,
  shutdown,
} as const

export type VerbName = keyof typeof verbs
/** What a caller passes: defaults may be left out. */
export type VerbInput<N extends VerbName> = z.input<(typeof verbs)[N]['input']>
/** What a handler gets: parsed, with its defaults. */
export type ParsedInput<N extends VerbName> = z.output<(typeof verbs)[N]['input']>
export type VerbOutput<N extends VerbName> = z.output<(typeof verbs)[N]['output']>

export const isVerbName = (name: string): name is VerbName => Object.hasOwn(verbs, name)

export const verbNames: readonly VerbName[] = Object.keys(verbs).filter(isVerbName)
