import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { lastHttpPort, publishHttpAddress } from './http-address.ts'

let temp: ReturnType<typeof tempPlaces>
beforeEach(() => {
  temp = tempPlaces()
  mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

it('is taken back with the door, and its port is kept for the next one', async () => {
  const { places } = temp
  {
    await using _published = await publishHttpAddress(places, { url: 'http://127.0.0.1:7', port: 7 })
    expect(JSON.parse(readFileSync(places.httpFile, 'utf8'))).toMatchObject({ url: 'http://127.0.0.1:7', port: 7 })
  }
  expect(JSON.parse(readFileSync(places.httpFile, 'utf8'))).toEqual({ url: null, pid: null, port: 7 })
  expect(await lastHttpPort(places)).toBe(7)
})

it('is taken back also where no file can be opened any more', async () => {
  const { places } = temp
  const program = `
    import { openSync } from 'node:fs'
    const { publishHttpAddress } = await import(process.env.ADDRESS)
    const published = await publishHttpAddress({ httpFile: process.argv[1] }, { url: 'http://127.0.0.1:7', port: 7 })
    try { for (;;) openSync('/dev/null') } catch {}
    await published[Symbol.asyncDispose]()
    process.stdout.write('taken back')`
  const env = { ...process.env, ADDRESS: new URL('./http-address.ts', import.meta.url).href }
  const words = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)('/bin/sh', [...words, places.httpFile], { env })
  expect(stdout).toBe('taken back')
  expect(existsSync(places.httpFile)).toBe(false)
})
