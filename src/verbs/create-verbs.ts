import { inputInvalid, verbs } from '#contracts'
import type { CallOptions, ParsedInput, VerbCaller, VerbInput, VerbName, VerbOutput } from '#contracts'
import { archive } from './archive.ts'
import { ask } from './ask.ts'
import { cancel } from './cancel.ts'
import { events } from './events.ts'
import type { Handler, VerbsDeps } from './handler.ts'
import { policyShow } from './policy-show.ts'
import { policyTest } from './policy-test.ts'
import { health } from './health.ts'
import { logLevel } from './log-level.ts'
import { result } from './result.ts'
import { settings } from './settings.ts'
import { shutdown } from './shutdown.ts'
import { status } from './status.ts'
import { steer } from './steer.ts'
import { thread } from './thread.ts'
import { threads } from './threads.ts'
import { turn } from './turn.ts'
import { turns } from './turns.ts'
import { wait } from './wait.ts'

const handlers: { readonly [N in VerbName]: Handler<N> } = {
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
}

/** The port, where the work is done. Every input is parsed here, once, whichever door it came through. */
export function createVerbs(deps: VerbsDeps): VerbCaller {
  return {
    async call<N extends VerbName>(verb: N, input: VerbInput<N>, options: CallOptions): Promise<VerbOutput<N>> {
      const handler: Handler<N> = handlers[verb]
      return handler(deps, parsed(verb, input), options)
    },
  }
}

function parsed<N extends VerbName>(verb: N, input: unknown): ParsedInput<N> {
  const result = verbs[verb].input.safeParse(input ?? {})
  if (!result.success) throw inputInvalid(verb, result.error)
  // The schema of verb N gives what verb N's handler takes; the compiler does not follow that through the table.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return result.data as ParsedInput<N>
}
