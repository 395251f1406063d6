import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rule, say } from '#scripted-model'
import { verbs } from '#contracts'
import { httpOf } from './support/http-client.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const page = readFileSync(resolve(import.meta.dirname, '../docs/http.md'), 'utf8')
const blocks = Array.from(page.matchAll(/^```sh\n([^]*?)^```$/gm), ([, text = '']) => text)

let world: TandemWorld
beforeAll(async () => {
  world = await openTandemWorld([rule('hello', { lastText: 'say hello' }, [say('hello')])])
  await world.tandem(['up'])
  await httpOf(world.places)
})
afterAll(() => world[Symbol.asyncDispose]())

/** The first block defines what the others use. */
async function run(block: number, env: Readonly<Record<string, string>> = world.env): Promise<string> {
  const script = ['set -eu', blocks[0], 'echo ======', blocks[block]].join('\n')
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: world.project, env, timeout: 60_000 })
  return stdout.split('======\n')[1] ?? ''
}

test('the examples are all there', () => {
  expect(blocks).toHaveLength(4)
})

test('the first finds address and token where they are, by default and when the directory is set', async () => {
  const { stateDir } = world.places
  expect(verbs.status.output.parse(JSON.parse(await run(0)))).toMatchObject({ state_dir: stateDir })
  const home = join(world.folder, 'home')
  mkdirSync(join(home, '.local/state'), { recursive: true })
  symlinkSync(stateDir, join(home, '.local/state/tandem'))
  const { TANDEM_STATE_DIR: _, ...usual } = world.env
  expect(verbs.status.output.parse(JSON.parse(await run(0, usual)))).toMatchObject({ state_dir: stateDir })
})

test('asking answers a turn, then the list of turns', async () => {
  const out = await run(1)
  const [turn = '', list = ''] = out.replace('}{', '}\n{').split('\n')
  expect(verbs.ask.output.parse(JSON.parse(turn))).toMatchObject({ status: 'completed', agent_messages: 'hello' })
  expect(verbs.turns.output.parse(JSON.parse(list)).turns).toHaveLength(1)
})

test('following shows the events with their ids, and the answer', async () => {
  const [asked = '', followed = ''] = (await run(2)).split(/(?<=\n)retry: 2000\n/)
  expect(asked).toMatch(/^id: \d+\nevent: turn\.accepted\ndata: \{/m)
  expect(asked).toMatch(/^event: answer\ndata: \{"success":true/m)
  const seqs = Array.from(followed.matchAll(/^id: (\d+)$/gm), ([, id]) => Number(id))
  expect(seqs.length).toBeGreaterThan(3)
  expect(seqs.every((seq, at) => seq > (seqs[at - 1] ?? 3))).toBe(true)
})

test('health and readiness need no token', async () => {
  expect(await run(3)).toBe('ok\nok\n')
})

test('the configuration for Claude Code is JSON, with what this door takes', () => {
  const json = /^```json\n([^]*?)^```$/m.exec(page)?.[1] ?? ''
  expect(JSON.parse(json)).toMatchObject({
    mcpServers: { tandem: { type: 'http', headers: { Authorization: expect.stringMatching(/^Bearer /) } } },
  })
})
