import { mkdirSync, writeFileSync } from 'node:fs'
import { createClient } from '#client'
import { healthSchema } from '#contracts'
import { systemClock } from '#kernel'
import type { Client } from '#client'
import type { Health } from '#contracts'
import type { TestTandem } from './tandem.ts'

/** What `tandem health --json` says, and its exit code. */
export async function healthOf(tandem: TestTandem): Promise<{ readonly code: number | null; readonly health: Health }> {
  const ran = await tandem.run(['health', '--json'])
  return { code: ran.code, health: healthSchema.strict().parse(JSON.parse(ran.stdout)) }
}

export const partOf = (health: Health, name: string): Health['parts'][number] | undefined =>
  health.parts.find(({ part }) => part === name)

export const stateOf = async (tandem: TestTandem, name: string): Promise<string | undefined> =>
  partOf((await healthOf(tandem)).health, name)?.state

/** Writes config.toml of Tandem. */
export function configure(tandem: TestTandem, text: string): void {
  mkdirSync(tandem.places.configDir, { recursive: true })
  writeFileSync(tandem.places.configFile, text)
}

/** A client of its own that stays connected. */
export function openClient(tandem: TestTandem): Client {
  const identity = { name: 'test', version: '0.0.0' }
  return createClient({ places: tandem.places, clock: systemClock, identity })
}
