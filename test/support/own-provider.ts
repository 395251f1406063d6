import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestTandem } from './tandem.ts'

/** The configuration of Codex with a provider of one's own, for which no login is wanted; nobody answers there. */
export const ownProvider =
  'model_provider = "own"\n[model_providers.own]\nname = "own"\nbase_url = "http://127.0.0.1:9/v1"\nwire_api = "responses"\n'

export function configureCodex(tandem: TestTandem, text: string): void {
  writeFileSync(join(tandem.env['CODEX_HOME'] ?? '', 'config.toml'), text)
}
