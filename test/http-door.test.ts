import { randomInt } from 'node:crypto'
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { httpOf } from './support/http-client.ts'
import { createTestTandem } from './support/tandem.ts'
import type { HttpAddress } from './support/http-client.ts'
import type { TestTandem } from './support/tandem.ts'

const read = (file: string): Readonly<Record<string, unknown>> => JSON.parse(readFileSync(file, 'utf8'))

async function up(tandem: TestTandem): Promise<HttpAddress> {
  expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
  return httpOf(tandem.places)
}

async function status(tandem: TestTandem): Promise<Readonly<Record<string, unknown>>> {
  return JSON.parse((await tandem.run(['status', '--json'])).stdout)
}

function configure(tandem: TestTandem, text: string): void {
  mkdirSync(tandem.places.configDir, { recursive: true })
  writeFileSync(tandem.places.configFile, text)
}

/**
 * A port that is free and stays so: below those that the system gives to connections, of which a whole run of tests makes many, and one of
 * them would have it in the moment in which a door is closed.
 */
async function freePort(): Promise<number> {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
  const first = Math.max(Number.parseInt(range, 10), 12_000)
  for (let tries = 0; tries < 50; tries += 1) {
    const port = randomInt(first - 10_000, first)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
  throw new Error(`no port below ${first} is free`)
}

/** As if its last door had been at a port that stays free. */
async function withLastPort(tandem: TestTandem): Promise<TestTandem> {
  mkdirSync(tandem.places.stateDir, { recursive: true, mode: 0o700 })
  writeFileSync(tandem.places.httpFile, JSON.stringify({ url: null, pid: null, port: await freePort() }))
  return tandem
}

/** A line of the log, once it is there. */
async function logged(tandem: TestTandem, event: string): Promise<Readonly<Record<string, unknown>>> {
  const lines = (): readonly Readonly<Record<string, unknown>>[] =>
    readFileSync(tandem.places.logFile, 'utf8')
      .split('\n')
      .flatMap(line => (line.includes(event) ? [JSON.parse(line)] : []))
  await expect.poll(() => lines().length, { timeout: 10_000 }).toBeGreaterThan(0)
  return lines().at(-1) ?? {}
}

test('is there with its daemon, is told to people and programs, goes with it, and comes back at the same address', async () => {
  await using tandem = await withLastPort(createTestTandem())
  const { places } = tandem
  const first = await up(tandem)
  expect(statSync(places.httpTokenFile).mode & 0o777).toBe(0o600)
  expect(statSync(places.httpFile).mode & 0o777).toBe(0o600)
  expect(read(places.httpFile)).toMatchObject({ url: first.url, pid: tandem.daemonPid() })
  expect(await status(tandem)).toMatchObject({ http: { url: first.url } })
  expect((await tandem.run(['status'])).stdout).toContain(`http      ${first.url}`)
  const authorization = `Bearer ${first.token}`
  const asked = await fetch(`${first.url}/v1/status`, { headers: { authorization } })
  expect(await asked.json()).toMatchObject({ pid: tandem.daemonPid(), http: { url: first.url } })
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200)

  await tandem.run(['down'])
  expect(read(places.httpFile)).toEqual({ url: null, pid: null, port: Number(new URL(first.url).port) })
  await expect(fetch(`${first.url}/healthz`)).rejects.toThrow('fetch failed')
  expect(await up(tandem)).toEqual(first)
})

test('gets another port when that of last time is taken', async () => {
  await using tandem = await withLastPort(createTestTandem())
  const first = await up(tandem)
  await tandem.run(['down'])
  const other = createServer().listen(Number(new URL(first.url).port), '127.0.0.1')
  await once(other, 'listening')
  const second = await up(tandem)
  expect(second.url).not.toBe(first.url)
  expect(await logged(tandem, 'the port of last time')).toMatchObject({ code: 'HTTP_PORT_TAKEN' })
  other.close()
})

test('comes back after kill -9 at the same address, with the same token', async () => {
  await using tandem = await withLastPort(createTestTandem())
  const first = await up(tandem)
  const pid = tandem.daemonPid() ?? 0
  process.kill(pid, 'SIGKILL')
  await expect.poll(() => read(tandem.places.httpFile)['pid'], { timeout: 20_000 }).not.toBe(pid)
  expect(await httpOf(tandem.places)).toEqual(first)
})

test('a configured port that is taken keeps HTTP away and not the daemon; the log says how to cure it', async () => {
  await using tandem = createTestTandem()
  const port = await freePort()
  const other = createServer().listen(port, '127.0.0.1')
  await once(other, 'listening')
  configure(tandem, `[http]\nport = ${port}\n`)
  expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
  expect(await logged(tandem, 'HTTP is not served')).toMatchObject({
    level: 'error',
    error: { code: 'HTTP_PORT_TAKEN', hint: expect.stringContaining(String(port)) },
  })
  expect(await status(tandem)).toMatchObject({ http: null, is_stopping: false })
  expect((await tandem.run(['status'])).stdout).toContain('http      not served')
  other.close()
  await tandem.run(['down'])
  expect((await up(tandem)).url).toBe(`http://127.0.0.1:${port}`)
})

test('a token that is a link keeps HTTP away, and is left as it is', async () => {
  await using tandem = createTestTandem()
  await up(tandem)
  await tandem.run(['down'])
  const { httpTokenFile } = tandem.places
  rmSync(httpTokenFile)
  symlinkSync('/etc/hostname', httpTokenFile)
  expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
  expect(await logged(tandem, 'HTTP is not served')).toMatchObject({
    error: { code: 'HTTP_TOKEN_UNSAFE', hint: expect.stringContaining(`rm ${httpTokenFile}`) },
  })
  expect(await status(tandem)).toMatchObject({ http: null })
})

test('switched off, there is none, and no token', async () => {
  await using tandem = createTestTandem()
  configure(tandem, '[http]\nenabled = false\n')
  expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
  expect(await status(tandem)).toMatchObject({ http: null })
  expect([existsSync(tandem.places.httpFile), existsSync(tandem.places.httpTokenFile)]).toEqual([false, false])
})
