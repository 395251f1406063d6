import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startHttpDoor } from '#http'
import { createMcpHandler } from '#mcp'
import { Secret, silentLog } from '#kernel'
import { httpOf } from './support/http-client.ts'
import { createFixtureServer } from './support/mcp-fixture-server.ts'
import { scenarios } from './support/mcp-scenarios.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import { startTokenProxy } from './support/token-proxy.ts'

const conformance = resolve(import.meta.dirname, '../node_modules/.bin/conformance')
const run = promisify(execFile)

/** What the checks of one scenario came to. A warning is a SHOULD. */
interface Outcome {
  readonly scenario: string
  readonly passed: number
  readonly failed: readonly string[]
  readonly warned: readonly string[]
}

test('the table names every scenario that there is, and a reason for each that does not apply', async () => {
  const { stdout } = await run(conformance, ['list', '--server'])
  const listed = Array.from(stdout.matchAll(/^ {2}- ([\w-]+)/gm), ([, name = '']) => name)
  expect(listed.length).toBeGreaterThan(25)
  expect(Object.keys(scenarios).sort()).toEqual(listed.sort())
  const reasons = Object.values(scenarios).flatMap(found => (found === 'tandem' ? [] : found.not))
  expect(reasons.filter(reason => reason.length < 30)).toEqual([])
})

test('the real daemon passes every scenario that applies to it', async () => {
  await using world = await openTandemWorld([])
  await world.tandem(['up'])
  await using proxy = await startTokenProxy(await httpOf(world.places))
  const names = Object.keys(scenarios).filter(name => scenarios[name] === 'tandem')
  const outcomes: Outcome[] = []
  for (const name of names) outcomes.push(...(await outcomesOf(proxy.url, ['--scenario', name])))
  show('tandem', outcomes)
  expect(outcomes.map(({ scenario }) => scenario).sort()).toEqual(names.sort())
  expect(outcomes.flatMap(({ failed }) => failed)).toEqual([])
  expect(outcomes.filter(({ passed }) => passed === 0)).toEqual([])
})

test('all scenarios pass on the same door and transport, with what they call behind it', async () => {
  const limits = { maxConnections: 100, maxCalls: 100, maxBodyBytes: 1_000_000, maxOutgoingBytes: 1_000_000 }
  await using handler = createMcpHandler({ createServer: createFixtureServer, maxBodyBytes: 1_000_000, log: silentLog })
  await using door = await startHttpDoor({
    verbs: { call: () => Promise.reject(new Error('no verbs here')) },
    token: new Secret('token-of-the-test'),
    tokenCommand: 'none',
    port: 0,
    version: '0.0.0',
    isReady: async () => true,
    mcp: request => handler.handle(request),
    limits,
    log: silentLog,
  })
  await using proxy = await startTokenProxy({ url: door.url, token: 'token-of-the-test' })
  const outcomes = await outcomesOf(proxy.url, ['--suite', 'all'])
  show('fixture', outcomes)
  expect(outcomes.map(({ scenario }) => scenario).sort()).toEqual(Object.keys(scenarios).sort())
  expect(outcomes.flatMap(({ failed }) => failed)).toEqual([])
  // See the table for why nothing but the absence of a failure can be seen in this one.
  expect(outcomes.filter(({ passed }) => passed === 0).map(({ scenario }) => scenario)).toEqual(['server-sse-polling'])
})

async function outcomesOf(url: string, args: readonly string[]): Promise<readonly Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-conformance-'))
  try {
    await run(conformance, ['server', '--url', `${url}/mcp`, ...args, '-o', folder], { timeout: 90_000 })
    return readdirSync(folder).map(name => outcomeIn(folder, name))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** One folder for each scenario: server-<scenario>-<time>. */
function outcomeIn(folder: string, name: string): Outcome {
  const checks = JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8')) as readonly {
    readonly id: string
    readonly status: string
    readonly errorMessage?: string
  }[]
  const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/.exec(name)?.[1] ?? name
  const of = (status: string): readonly string[] =>
    checks
      .filter(check => check.status === status)
      .map(({ id, errorMessage = '' }) => `${scenario} ${id} ${errorMessage}`)
  return { scenario, passed: of('SUCCESS').length, failed: of('FAILURE'), warned: of('WARNING') }
}

function show(against: string, outcomes: readonly Outcome[]): void {
  const rows = outcomes.map(
    ({ scenario, passed, failed, warned }) =>
      `${against.padEnd(8)} ${scenario.padEnd(32)} ${passed} passed, ${failed.length} failed, ${warned.length} warned`,
  )
  process.stdout.write(`\n${rows.join('\n')}\n`)
}
