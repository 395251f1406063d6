import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PolicyInput } from '#contracts'
import { callTool, rule, say, shell } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'
import { openTandemWorld } from './support/tandem-world.ts'

// Codex (0.169.0) opens no terminal in its sandbox when its own directory lies below what it takes for the temporary one.
beforeAll(() => {
  vi.stubEnv('TMPDIR', undefined)
  vi.stubEnv('TMP', '/var/tmp')
})
afterAll(() => void vi.unstubAllEnvs())

/** With it in the policy no file `denied` may be made by `touch`. */
const policyOf = (...deny: readonly string[]): PolicyInput => ({
  max_sandbox: 'workspace-write',
  commands: { deny: [...deny] },
})
const touch = rule('touch', { lastText: 'touch', sincePrompt: 0 }, [shell('cd . && touch denied')])
const other = rule('other', { lastText: 'touch', sincePrompt: 1 }, [shell('touch other')])
const held = rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'open' }, say('there')])
const done = rule('done', {}, [say('done')])

describe('a command that the policy denies', { timeout: 120_000 }, () => {
  it('is asked about, shown and refused by the commands of a person', async () => {
    await using world = await openTandemWorld([touch, other, done])
    const policy = 'max_sandbox = "workspace-write"\n[commands]\ndeny = ["touch denied", ["npm", "publish"]]\n'
    writeFileSync(world.places.policyFile, policy)
    const test = async (line: string): Promise<unknown> => world.tandem(['policy', 'test', '--command', line])
    expect(await test('sudo npm publish')).toMatchObject({
      code: 77,
      out: expect.stringContaining('commands.deny: npm publish'),
    })
    expect(await test('npm test')).toMatchObject({ code: 0, out: expect.stringContaining('allowed: this command') })
    expect((await world.tandem(['policy', 'show'])).out).toMatch(/commands\.deny\s+touch denied, npm publish/)
    const asked = await world.tandem(['ask', '--json', '--sandbox', 'workspace-write', 'touch'])
    expect(asked.code).toBe(0)
    const { turn_id: turnId } = JSON.parse(asked.out.trim().split('\n').at(-1) ?? '')
    expect((await world.tandem(['events', '--turn', turnId])).out).toContain('POLICY_DENIED_COMMAND')
    expect(['denied', 'other'].map(name => existsSync(join(world.project, name)))).toEqual([false, true])
    writeFileSync(world.places.policyFile, 'commands.deny = [""]\n')
    expect(await test('ls')).toMatchObject({ code: 78, err: expect.stringContaining('commands.deny') })
  })

  it('is not run, the turn goes on, and what was declined is an event', async () => {
    await using bench = await openBench([touch, other, done], { policy: () => policyOf('touch denied') })
    const turn = await bench.ask({ prompt: 'touch', sandbox: 'workspace-write' })
    expect(await bench.ended(turn)).toMatchObject({ status: 'completed', agent_messages: 'done' })
    expect(await bench.events(turn, 'declined')).toMatchObject([
      { data: { request: 'command', reason: expect.stringContaining('cd . && touch denied') } },
    ])
    expect(await bench.events(turn, 'command.started')).toMatchObject([
      { data: { command: expect.stringContaining('touch other') } },
    ])
  })

  it('that is typed into a running shell ends the turn, with that shell', async () => {
    const typed = 'date +%s%N > began; while sleep 0.01; do date +%s%N > beat; done; touch denied'
    const steps = [
      rule('open', { sincePrompt: 0 }, [callTool('exec_command', { cmd: 'sh', tty: true, yield_time_ms: 300 })]),
      rule('type', { sincePrompt: 1, lastToolResult: '/session ID (\\d+)/' }, [
        callTool('write_stdin', `{"session_id": {{match.1}}, "chars": "${typed}\\n"}`),
      ]),
    ]
    await using bench = await openBench([...steps, done], { policy: () => policyOf('touch denied') })
    const turn = await bench.ask({ prompt: 'type', sandbox: 'workspace-write' })
    expect(await bench.ended(turn)).toMatchObject({
      status: 'failed',
      error: { code: 'POLICY_DENIED_COMMAND' },
      diff: expect.stringContaining('began'),
    })
    let last = 'not looked yet'
    const isOver = (): boolean => {
      const before = last
      last = readFileSync(join(bench.project, 'beat'), 'utf8')
      return last === before
    }
    await expect.poll(isOver, { interval: 100, timeout: 5000 }).toBe(true)
    expect(existsSync(join(bench.project, 'denied'))).toBe(false)
  })
})

describe('a turn that was accepted under another policy', { timeout: 120_000 }, () => {
  async function runLater(before: PolicyInput, after: PolicyInput, how: 'here' | 'next life'): Promise<boolean> {
    let policy = before
    await using bench = await openBench([held, touch, other, done], {
      policy: () => policy,
      config: { turns: { max_running: 1 } },
    })
    const running = await bench.ask({ prompt: 'hold' })
    await bench.event(running, 'text')
    const queued = await bench.ask({ prompt: 'touch', sandbox: 'workspace-write' })
    policy = after
    bench.model.release('open')
    if (how === 'next life') await bench.nextLife('stop')
    expect(await bench.ended(queued)).toMatchObject({ status: 'completed' })
    expect(existsSync(join(bench.project, 'other'))).toBe(true)
    return existsSync(join(bench.project, 'denied'))
  }

  it('keeps what was denied then, and after a restart what is denied now is, too', async () => {
    const wide = policyOf()
    const narrow = policyOf('touch denied')
    expect(await runLater(wide, narrow, 'here')).toBe(true)
    expect(await runLater(narrow, wide, 'here')).toBe(false)
    expect(await runLater(wide, narrow, 'next life')).toBe(false)
    expect(await runLater(narrow, wide, 'next life')).toBe(false)
  })
})
