import type { TurnAnswer, VerbInput, VerbName, VerbOutput } from '#contracts'
import { caller } from './tandem-world.ts'
import type { TandemWorld } from './tandem-world.ts'

/** One connection of somebody who asks things in the world's project; it starts no second daemon by itself more often than it must. */
export interface User {
  call<V extends VerbName>(verb: V, input: VerbInput<V>, signal?: AbortSignal): Promise<VerbOutput<V>>
  /** Accepted, not waited for. */
  ask(prompt: string, more?: Partial<VerbInput<'ask'>>): Promise<TurnAnswer>
  wait(turnId: string, waitMs?: number): Promise<TurnAnswer>
  /** Asked and answered. */
  answer(prompt: string, more?: Partial<VerbInput<'ask'>>): Promise<TurnAnswer>
  codexPid(): Promise<number>
}

export function openUser(world: TandemWorld): User {
  const client = world.client()
  const user: User = {
    call: (verb, input, signal) => client.call(verb, input, { caller, ...(signal === undefined ? {} : { signal }) }),
    ask: (prompt, more = {}) => user.call('ask', { prompt, cd: world.project, wait_ms: 0, ...more }),
    wait: (turn_id, wait_ms = 60_000) => user.call('wait', { turn_id, wait_ms }),
    answer: (prompt, more = {}) => user.ask(prompt, { wait_ms: 60_000, ...more }),
    async codexPid() {
      const { codex } = await user.call('status', {})
      if (codex.pid === null) throw new Error(`codex does not run: ${codex.kind}`)
      return codex.pid
    },
  }
  return user
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
