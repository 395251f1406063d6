import type { Secret } from '#kernel'
import { storeUrlInvalid } from './errors.ts'

/** A database of Postgres: how to get there, and how to speak of it. */
export interface PostgresPlace {
  readonly url: Secret
  /** The address without password and parameters, for messages and the log. */
  readonly label: string
  /** As its own programs are told; empty where the URL leaves it to them. */
  readonly server: { readonly host: string; readonly port: string; readonly user: string }
  readonly database: string
}

/** Refuses what would be misread: then a part of the password could stand where it is shown. */
export function postgresPlaceOf(url: Secret): PostgresPlace {
  const parsed = URL.parse(url.reveal())
  if (parsed === null) throw storeUrlInvalid('it cannot be read as one')
  const { protocol, username, host, pathname, search, hash } = parsed
  if (!['postgres:', 'postgresql:'].includes(protocol)) throw storeUrlInvalid('it does not begin with postgres://')
  if (hash !== '' || `${pathname}${search}`.includes('@'))
    throw storeUrlInvalid('a character of the password has a meaning of its own in a URL')
  const { searchParams, hostname, port } = parsed
  const socket = searchParams.get('host')
  const user = decoded(username)
  return {
    url,
    label: `postgres://${username === '' ? '' : `${username}@`}${socket ?? host}${pathname}`,
    server: {
      host: socket ?? decoded(hostname).replace(/^\[(.*)\]$/, '$1'),
      port: searchParams.get('port') ?? port,
      user,
    },
    // Without a name it is that of the user.
    database: decoded(pathname.slice(1)) || user || 'tandem',
  }
}

/** What is not encoded as it should be is left as it is: the driver says what is wrong with it. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A % that begins nothing.
    return text
  }
}
