import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConfigInput } from '#contracts'
import { failWith, rule, say } from '#scripted-model'
import type { Rule } from '#scripted-model'
import { openCliDoor, openHttpDoor, openMcpDoor, openSocketDoor } from './support/doors.ts'
import type { Door, Result } from './support/doors.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

interface Bench extends AsyncDisposable {
  readonly world: TandemWorld
  readonly doors: readonly Door[]
}

async function openDoors(rules: readonly Rule[], config: ConfigInput = {}): Promise<Bench> {
  const world = await openTandemWorld(rules, config)
  await world.tandem(['up'])
  const doors = [openSocketDoor(world), await openHttpDoor(world), openCliDoor(world), await openMcpDoor(world)]
  return {
    world,
    doors,
    async [Symbol.asyncDispose]() {
      for (const door of doors) await door[Symbol.asyncDispose]()
      await world[Symbol.asyncDispose]()
    },
  }
}

/** The code and whether there is a cure, however the call failed: refused, or accepted and then failed. */
function failureIn(result: Result): { readonly code: string; readonly hasCure: boolean } {
  if (result.kind === 'error') return { code: result.code, hasCure: Boolean(result.hint) }
  const error = result.output['error'] as { readonly code: string; readonly hint?: string } | null
  return { code: error?.code ?? `no error, status ${String(result.output['status'])}`, hasCure: Boolean(error?.hint) }
}

async function failuresOf(doors: readonly Door[], input: Readonly<Record<string, unknown>>): Promise<unknown> {
  const results = await Promise.all(doors.map(async door => [door.name, failureIn(await door.call('ask', input))]))
  return Object.fromEntries(results)
}

const everywhere = (code: string): unknown => {
  const failure = { code, hasCure: true }
  return { socket: failure, http: failure, cli: failure, mcp: failure }
}

describe('bad input gets the same coded error, with its cure, through every door', { timeout: 120_000 }, () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await openDoors([rule('hello', { lastText: 'hello' }, [say('hello')])])
    writeFileSync(join(bench.world.folder, 'text.png'), 'no image')
    writeFileSync(join(bench.world.folder, 'file'), '')
    const plain = join(bench.world.folder, 'plain')
    mkdirSync(plain)
    // An agent behind MCP is held to its project otherwise.
    appendFileSync(bench.world.places.policyFile, `[directories]\nallow = [${JSON.stringify(plain)}]\n`)
  })

  afterAll(async () => bench[Symbol.asyncDispose]())

  it.each<[string, string, (world: TandemWorld) => Readonly<Record<string, unknown>>]>([
    ['an empty prompt', 'INPUT_INVALID', () => ({ prompt: '  ' })],
    ['a prompt of more than 1 MiB', 'INPUT_INVALID', () => ({ prompt: 'x'.repeat(1024 * 1024 + 1) })],
    ['a directory that does not exist', 'CD_INVALID', world => ({ cd: join(world.folder, 'nowhere') })],
    ['a file as directory', 'CD_INVALID', world => ({ cd: join(world.folder, 'file') })],
    [
      'no repository, when one is wanted',
      'CD_NOT_A_REPOSITORY',
      world => ({ cd: join(world.folder, 'plain'), skip_git_repo_check: false }),
    ],
    ['an unknown session', 'SESSION_UNKNOWN', () => ({ session_id: '01a1fbd3-0000-7000-8000-000000000000' })],
    ['a bogus effort', 'INPUT_INVALID', () => ({ effort: 'herculean' })],
    ['a bogus model', 'INPUT_INVALID', () => ({ model: 'not a model!' })],
    ['a bogus sandbox', 'INPUT_INVALID', () => ({ sandbox: 'sandpit' })],
    ['danger-full-access', 'POLICY_DENIED_SANDBOX', () => ({ sandbox: 'danger-full-access' })],
    ['yolo', 'POLICY_DENIED_SANDBOX', () => ({ yolo: true })],
    ['an image that is none', 'IMAGE_INVALID', world => ({ image: [join(world.folder, 'text.png')] })],
    ['an image that does not exist', 'IMAGE_INVALID', world => ({ image: [join(world.folder, 'none.png')] })],
    ['a profile that does not exist', 'CODEX_PROFILE_MISSING', () => ({ profile: 'nobody' })],
  ])('%s: %s', async (_what, code, fieldsOf) => {
    const input = { prompt: 'hello', cd: bench.world.project, ...fieldsOf(bench.world) }
    // Not every member is an option of the command.
    const doors = 'skip_git_repo_check' in input ? bench.doors.filter(door => door.name !== 'cli') : bench.doors
    expect(everywhere(code)).toMatchObject((await failuresOf(doors, input)) as object)
  })

  it('a schema that is none', async () => {
    const input = { prompt: 'hello', cd: bench.world.project, output_schema: { type: 'object', properties: 5 } }
    for (const door of bench.doors.filter(({ name }) => name !== 'cli'))
      expect(failureIn(await door.call('ask', input))).toEqual({
        code: 'OUTPUT_SCHEMA_INVALID',
        hasCure: true,
      })
    const file = join(bench.world.folder, 'schema.json')
    writeFileSync(file, JSON.stringify(input.output_schema))
    const ran = await bench.world.tandem(['ask', '--json', '--schema', file, 'hello'])
    expect({ code: ran.code, out: JSON.parse(ran.out.trim()) }).toMatchObject({
      code: 2,
      out: { error: { code: 'OUTPUT_SCHEMA_INVALID' } },
    })
  })

  it('an unknown member, named', async () => {
    for (const door of bench.doors.filter(({ name }) => name !== 'cli')) {
      const result = await door.call('ask', { prompt: 'hello', cd: bench.world.project, speed: 'ludicrous' })
      expect(result).toMatchObject({ kind: 'error', code: 'INPUT_INVALID', message: expect.stringContaining('speed') })
    }
    const ran = await bench.world.tandem(['ask', '--speed=ludicrous', 'hello'])
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining('--speed') })
  })
})

describe('an upstream that fails gives the same coded error through every door', { timeout: 180_000 }, () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await openDoors(
      [
        rule('401', { lastText: 'case 401' }, [failWith(401, 'who are you')]),
        rule('429', { lastText: 'case 429' }, [failWith(429, 'slow down')]),
        rule('500', { lastText: 'case 500' }, [failWith(500, 'broken')]),
        rule('cut', { lastText: 'case cut' }, [say('half of '), { cut: true }]),
        rule('silent', { lastText: 'case silent' }, [{ silent: true }]),
      ],
      // Above Codex's five retries of a 401 (5 to 6 s idle, 7.5 s under load), below the 25 s of its retries of a 500.
      { turns: { first_event_timeout_ms: 10_000, retrying_timeout_ms: 15_000 } },
    )
  })

  afterAll(async () => bench[Symbol.asyncDispose]())

  it.each([
    ['401', 'UPSTREAM_UNAUTHORIZED'],
    ['429', 'UPSTREAM_RATE_LIMITED'],
    ['500', 'TURN_UPSTREAM_RETRYING'],
    ['cut', 'UPSTREAM_CUT'],
    ['silent', 'TURN_NO_FIRST_EVENT'],
  ])('%s: %s', async (name, code) => {
    const input = { prompt: `case ${name}`, cd: bench.world.project }
    expect(await failuresOf(bench.doors, input)).toEqual(everywhere(code))
  })
})

describe('a Codex that does not work gives the same coded error through every door', { timeout: 180_000 }, () => {
  it.each([
    ['missing', undefined, 'CODEX_NOT_FOUND'],
    ['crashing', 'exit 3', 'CODEX_BREAKER_OPEN'],
    ['hanging', 'exec sleep 600', 'CODEX_START_TIMEOUT'],
  ])('%s', async (_name, behaviour, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-codex-'))
    const path = join(folder, 'codex')
    if (behaviour !== undefined)
      writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo "codex-cli 0.169.0" && exit\n${behaviour}\n`, {
        mode: 0o755,
      })
    await using bench = await openDoors([], { codex: { path, start_timeout_ms: 4000 } })
    const failures = await failuresOf(bench.doors, { prompt: 'hello', cd: bench.world.project })
    rmSync(folder, { recursive: true })
    expect(failures).toEqual(everywhere(code))
  })
})
