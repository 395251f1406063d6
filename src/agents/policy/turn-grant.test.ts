import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { policySchema } from '#contracts'
import type { PolicyInput } from '#contracts'
import { asNodeId, createFakeClock, newAgentId, newTurnId, silentLog } from '#kernel'
import type { AppError, TurnId } from '#kernel'
import { queuedTurn } from '#store'
import { policyInvalid } from './errors.ts'
import { createPolicyGuard } from './policy-guard.ts'
import type { PolicyGrant } from './policy-guard.ts'
import { createTurnGrant } from './turn-grant.ts'
import { knownRequestOf } from '../turn-request.ts'

const patienceMs = 10_000

/** A turn that was accepted for workspace-write with network in `home/cd`. */
function openTurn(options: { readonly isEarlier: boolean }) {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-grant-')))
  const cd = join(home, 'cd')
  mkdirSync(cd)
  const request = { ...knownRequestOf({ request: { cd } }), sandbox: 'workspace-write' as const, network: true }
  const turn = queuedTurn({
    id: newTurnId(1),
    nodeId: asNodeId('n'),
    agentId: newAgentId(1),
    threadId: null,
    prompt: 'x',
    request,
    caller: { door: 'socket', client: 'test' },
    idempotencyKey: null,
    inputHash: '',
    acceptedAt: 1,
  })
  const clock = createFakeClock()
  const stopped = Promise.withResolvers<void>()
  const state: { policy: PolicyInput | 'mistake'; reads: number } = {
    policy: { max_sandbox: 'workspace-write' },
    reads: 0,
  }
  const source = {
    async read() {
      state.reads += 1
      if (state.policy === 'mistake') throw policyInvalid('policy.toml', 'line 1')
      return { policy: policySchema.parse(state.policy), file: 'policy.toml', realFiles: [] }
    },
  }
  const policy = createPolicyGuard({ source, homeDir: home })
  const earlier = new Set(options.isEarlier ? [turn.id] : [])
  const waiting = new Map<TurnId, AppError>()
  const grant = createTurnGrant({ policy, earlier, clock, log: silentLog, patienceMs, waiting })
  return {
    home,
    cd,
    state,
    clock,
    stop: () => stopped.resolve(),
    waitsFor: () => Array.from(waiting.values(), error => error.code),
    grant: (): Promise<PolicyGrant> => grant(turn, request, stopped.promise),
    /** Until the policy was looked at so often. */
    looks: (count: number) => expect.poll(() => state.reads).toBe(count),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}

const denied = { code: 'POLICY_DENIED_DIRECTORY' }

describe.each([
  ['of this life', false],
  ['of an earlier life', true],
])('a turn %s', (_, isEarlier) => {
  it('is refused when a link stands where its directory was, or somewhere on the way to it', async () => {
    using turn = openTurn({ isEarlier })
    mkdirSync(join(turn.home, 'other/cd'), { recursive: true })
    renameSync(turn.cd, join(turn.home, 'was'))
    symlinkSync(join(turn.home, 'other'), turn.cd)
    await expect(turn.grant()).rejects.toMatchObject({ ...denied, data: { real: join(turn.home, 'other') } })
    rmSync(turn.cd)
    await expect(turn.grant()).rejects.toMatchObject({ code: 'CD_INVALID' })
    renameSync(join(turn.home, 'was'), turn.cd)
    expect(await turn.grant()).toMatchObject({ deniedCommands: [] })
  })

  it('is refused when its directory is denied by now', async () => {
    using turn = openTurn({ isEarlier })
    turn.state.policy = { max_sandbox: 'workspace-write', directories: { deny: [turn.cd] } }
    await expect(turn.grant()).rejects.toMatchObject(denied)
  })

  it('waits while the policy has a mistake, and has what it grants when it is mended', async () => {
    using turn = openTurn({ isEarlier })
    turn.state.policy = 'mistake'
    const granted = turn.grant()
    await turn.looks(1)
    turn.clock.advance(500)
    await turn.looks(2)
    expect(turn.waitsFor()).toEqual(['POLICY_INVALID'])
    turn.state.policy = { max_sandbox: 'workspace-write', network: true }
    turn.clock.advance(500)
    expect(await granted).toEqual({ network: true, deniedCommands: [] })
    expect(turn.waitsFor()).toEqual([])
  })

  it('waits not for ever, and not when it is stopped', async () => {
    using turn = openTurn({ isEarlier })
    turn.state.policy = 'mistake'
    const overdue = turn.grant()
    overdue.catch(() => undefined /* looked at below */)
    await turn.looks(1)
    turn.clock.advance(patienceMs)
    await expect(overdue).rejects.toMatchObject({ code: 'POLICY_INVALID' })
    const stopped = turn.grant()
    turn.stop()
    await expect(stopped).rejects.toMatchObject({ code: 'POLICY_INVALID' })
    expect(turn.waitsFor()).toEqual([])
  })
})

it('what is tightened beside its directory counts for a turn of an earlier life only', async () => {
  using own = openTurn({ isEarlier: false })
  using earlier = openTurn({ isEarlier: true })
  for (const { state } of [own, earlier]) state.policy = { commands: { deny: ['git push'] } }
  expect(await own.grant()).toEqual({ network: true, deniedCommands: [] })
  await expect(earlier.grant()).rejects.toMatchObject({ code: 'POLICY_DENIED_SANDBOX' })
  earlier.state.policy = { max_sandbox: 'workspace-write', commands: { deny: ['git push'] } }
  expect(await earlier.grant()).toEqual({ network: false, deniedCommands: [['git', 'push']] })
})
