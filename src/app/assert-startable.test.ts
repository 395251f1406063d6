import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { holdDatabase } from '../../test/support/hold-database.ts'
import { assertStartable } from './assert-startable.ts'

let temp: ReturnType<typeof tempPlaces>
beforeEach(() => {
  temp = tempPlaces()
  for (const directory of [temp.places.configDir, temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

const configureStore = (url: string): void =>
  writeFileSync(temp.places.configFile, `[store]\nurl = ${JSON.stringify(url)}\n`)

it('refuses a URL that no daemon could work with', async () => {
  configureStore('postgres://user:pass/word@127.0.0.1/tandem')
  await expect(assertStartable(temp.places)).rejects.toMatchObject({ code: 'STORE_URL_INVALID' })
})

it('refuses a database that is not in reach', async () => {
  const server = await postgresThatSays('53300')
  await server[Symbol.asyncDispose]()
  configureStore(server.url)
  await expect(assertStartable(temp.places)).rejects.toMatchObject({ code: 'STORE_FAILED' })
})

it.each([
  ['starts up', '57P03', 'STORE_FAILED'],
  ['does not know the user', '28P01', 'STORE_DENIED'],
  ['does not have it', '3D000', 'STORE_NO_DATABASE'],
])('refuses a database whose server %s', async (_, sqlState, code) => {
  await using server = await postgresThatSays(sqlState)
  configureStore(server.url)
  await expect(assertStartable(temp.places)).rejects.toMatchObject({ code })
})

it.each([
  ['has no connection left', '53300'],
  ['waits for a lock', '55P03'],
])('lets the daemon that may be the reason go, when the server %s', async (_, sqlState) => {
  await using server = await postgresThatSays(sqlState)
  configureStore(server.url)
  expect(await assertStartable(temp.places)).toMatchObject({ store: { url: server.url } })
})

it('answers what is configured, and makes nothing', async () => {
  writeFileSync(temp.places.configFile, '[turns]\nstop_grace_ms = 7\n')
  expect(await assertStartable(temp.places)).toMatchObject({ turns: { stop_grace_ms: 7 } })
})

/** Whoever wants to connect gets this answer of a Postgres. */
async function postgresThatSays(sqlState: string): Promise<AsyncDisposable & { readonly url: string }> {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0Mas the test wants it\0\0`)
  const length = Buffer.alloc(4)
  length.writeInt32BE(fields.length + length.length)
  const answer = Buffer.concat([Buffer.from('E'), length, fields])
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => void socket.end(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  return {
    url: `postgres://user@127.0.0.1:${address.port}/tandem`,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

it('refuses while another program writes into the file of the store', async () => {
  await using holder = await holdDatabase(temp.places.storeFile)
  await expect(assertStartable(temp.places)).rejects.toMatchObject({
    code: 'STORE_LOCKED',
    data: { pid: holder.pid },
  })
})
