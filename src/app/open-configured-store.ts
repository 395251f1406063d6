import { Secret } from '#kernel'
import { openStore } from '#store'
import type { Config, Places } from '#contracts'
import type { Clock, Log } from '#kernel'
import type { Store } from '#store'

/** The store that the configuration names: Postgres by its URL, else a file in the state directory. */
export function openConfiguredStore(deps: {
  readonly config: Config
  readonly places: Places
  readonly clock: Clock
  readonly log: Log
}): Promise<Store> {
  const { config, places, clock, log } = deps
  const { url } = config.store
  return openStore({ file: places.storeFile, clock, log, ...(url === undefined ? {} : { url: new Secret(url) }) })
}
