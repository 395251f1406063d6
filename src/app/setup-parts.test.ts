import { mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { policyInvalid } from '#agents'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { policyPart } from './setup-parts.ts'

describe('the policy in the report of the health', () => {
  it('is wrong when its file is, and when a turn waits for a directory in it', async () => {
    using temp = tempPlaces()
    const { places } = temp
    const unfollowed = policyInvalid(places.policyFile, 'directories.deny: /loop cannot be followed')
    const look = (waiting: number) =>
      policyPart({ places, agents: { waitingForPolicy: Array.from({ length: waiting }, () => unfollowed) } }).look()
    const details = { file: places.policyFile }
    expect(await look(0)).toEqual({ state: 'healthy', details: { ...details, waiting_turns: 0 } })
    expect(await look(2)).toMatchObject({
      state: 'degraded',
      why: `${unfollowed.message}; 2 turns wait for it to be mended`,
      cure: unfollowed.hint,
      details: { ...details, waiting_turns: 2, code: 'POLICY_INVALID' },
    })
    mkdirSync(places.configDir, { recursive: true, mode: 0o700 })
    writeFileSync(places.policyFile, 'max_sandbx = "read-only"\n', { mode: 0o600 })
    expect(await look(0)).toMatchObject({ state: 'degraded', why: expect.stringMatching(/unknown member max_sandbx/) })
    expect(await look(1)).toMatchObject({
      state: 'degraded',
      why: expect.stringMatching(/max_sandbox\?\); 1 turn waits for it to be mended$/),
    })
  })
})
