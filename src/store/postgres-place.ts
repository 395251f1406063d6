import type { Secret } from '#kernel'
import { storeUrlInvalid } from './errors.ts'

/** A database of Postgres: how to get there, and how to speak of it. */
export interface PostgresPlace {
  readonly url: Secret
  /** The address without password and parameters, for messages and the log. */
  readonly label: string
}

/** Refuses what would be misread: then a part of the password could stand where it is shown. */
export function postgresPlaceOf(url: Secret): PostgresPlace {
  const parsed = URL.parse(url.reveal())
  if (parsed === null) throw storeUrlInvalid('it cannot be read as one')
  const { protocol, username, host, pathname, search, hash } = parsed
  if (!['postgres:', 'postgresql:'].includes(protocol)) throw storeUrlInvalid('it does not begin with postgres://')
  if (hash !== '' || `${pathname}${search}`.includes('@'))
    throw storeUrlInvalid('a character of the password has a meaning of its own in a URL')
  const socket = parsed.searchParams.get('host')
  const where = socket === null ? host : socket
  return { url, label: `postgres://${username === '' ? '' : `${username}@`}${where}${pathname}` }
}
