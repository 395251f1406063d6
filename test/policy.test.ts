import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { policyInvalid } from '#agents'
import type { Caller, PolicyInput } from '#contracts'
import { rule, say, shell } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'
import { openCliDoor, openHttpDoor, openMcpDoor, openSocketDoor } from './support/doors.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const hello = rule('hello', { lastText: 'say hello' }, [say('hello')])
const write = rule('write', { lastText: 'write', sincePrompt: 0 }, [shell('echo one > made.txt')])
const held = rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'open' }, say('there')])
const wrote = rule('wrote', {}, [say('done')])

/** As a user has it who wrote none. */
const withoutPolicy = ({ places }: TandemWorld): void => rmSync(places.policyFile)

describe('without a policy file', { timeout: 120_000 }, () => {
  it('every door reads, and refuses more with the command that allows it', async () => {
    await using world = await openTandemWorld([hello])
    withoutPolicy(world)
    await world.tandem(['up'])
    const doors = [openSocketDoor(world), await openHttpDoor(world), openCliDoor(world), await openMcpDoor(world)]
    const asked = { prompt: 'say hello', cd: world.project }
    for (const door of doors) {
      await using open = door
      for (const more of [{ sandbox: 'workspace-write' }, { sandbox: 'danger-full-access' }, { yolo: true }]) {
        const result = await open.call('ask', { ...asked, ...more })
        expect([door.name, result]).toMatchObject([door.name, { kind: 'error', code: 'POLICY_DENIED_SANDBOX' }])
        expect(result.kind === 'error' ? result.hint : '').toContain('tandem policy allow --sandbox ')
      }
      expect(await open.call('ask', asked)).toMatchObject({ kind: 'ok', output: { status: 'completed' } })
    }
    const shown = await world.tandem(['turns', '--json'])
    expect(JSON.parse(shown.out).turns.map((turn: { sandbox: string }) => turn.sandbox)).toEqual(
      doors.map(() => 'read-only'),
    )
  })

  it("an agent stays in its project; a person's command may name any directory", async () => {
    await using world = await openTandemWorld([hello])
    withoutPolicy(world)
    const other = await realpath(await mkdtemp(join(world.folder, 'other-')))
    const asClaude = { CLAUDE_CODE_SESSION_ID: 's', CLAUDE_PROJECT_DIR: world.project }
    const agents = await world.tandem(['ask', '-C', other, 'say hello'], { env: asClaude })
    expect(agents).toMatchObject({ code: 77, err: expect.stringContaining('POLICY_DENIED_DIRECTORY') })
    expect(await world.tandem(['ask', '-C', other, 'say hello'])).toMatchObject({ code: 0, out: 'hello\n' })
  })
})

describe('tandem policy', { timeout: 120_000 }, () => {
  it('is tested, allowed by a person, and holds at once, without a restart', async () => {
    await using world = await openTandemWorld([write, wrote])
    withoutPolicy(world)
    const test = ['policy', 'test', '--sandbox', 'workspace-write']
    const before = await world.tandem(test)
    expect(before).toMatchObject({ code: 77, out: expect.stringContaining('by: max_sandbox = "read-only"') })
    const cure = /tandem (policy allow .+)/.exec(before.out)?.[1]?.split(' ') ?? []
    // What the hint says is refused to an agent, in whose context it ends up.
    const agents = await world.tandem(cure, { env: { CLAUDECODE: '1' } })
    expect(agents).toMatchObject({ code: 77, err: expect.stringContaining('POLICY_NOT_BY_AGENT') })
    expect(await world.tandem(test)).toMatchObject({ code: 77 })
    expect(await world.tandem(cure)).toMatchObject({ code: 0, out: expect.stringContaining('max_sandbox') })
    expect(await world.tandem(test)).toMatchObject({ code: 0 })
    const asked = await world.tandem(['ask', '--json', '--sandbox', 'workspace-write', 'write'])
    expect(JSON.parse(asked.out.trim().split('\n').at(-1) ?? '').diff).toContain('made.txt')
  })

  it('lets Codex out of the sandbox only where it says so', async () => {
    await using world = await openTandemWorld([rule('out', { sincePrompt: 0 }, [shell('touch ../out.txt')]), wrote])
    const asked = ['ask', '--yolo', 'go']
    expect(await world.tandem(asked)).toMatchObject({ code: 77 })
    writeFileSync(
      world.places.policyFile,
      `[[rules]]\ndirectory = "${world.project}"\nmax_sandbox = "danger-full-access"\n`,
    )
    expect(await world.tandem(asked)).toMatchObject({ code: 0 })
    expect(existsSync(join(world.folder, 'out.txt'))).toBe(true)
    expect(await world.tandem(['ask', '-C', world.folder, '--yolo', 'go'])).toMatchObject({ code: 77 })
  })

  it('a file that is wrong refuses new turns by name of the member, and nothing else', async () => {
    await using world = await openTandemWorld([hello])
    const first = await world.tandem(['ask', 'say hello', '--json'])
    const { turn_id: turnId } = JSON.parse(first.out.trim().split('\n').at(-1) ?? '')
    writeFileSync(world.places.policyFile, 'max_sandbx = "read-only"\n')
    const refused = await world.tandem(['ask', 'say hello'])
    expect(refused).toMatchObject({ code: 78, err: expect.stringContaining('unknown member max_sandbx') })
    expect(await world.tandem(['result', turnId])).toMatchObject({ code: 0 })
    writeFileSync(world.places.policyFile, '')
    chmodSync(world.places.policyFile, 0o666)
    expect((await world.tandem(['ask', 'say hello'])).err).toContain('chmod go-w')
    chmodSync(world.places.policyFile, 0o600)
    expect(await world.tandem(['ask', 'say hello'])).toMatchObject({ code: 0 })
  })

  it('a configuration directory inside of the repository widens nothing', async () => {
    await using world = await openTandemWorld([hello])
    const inside = join(world.project, '.tandem')
    await using _removed = { [Symbol.asyncDispose]: () => rm(inside, { recursive: true, force: true }) }
    const env = { TANDEM_CONFIG_DIR: inside }
    expect(await world.tandem('policy allow --sandbox danger-full-access'.split(' '), { env })).toMatchObject({
      code: 0,
    })
    const asked = await world.tandem(['ask', '--sandbox', 'workspace-write', 'say hello'], { env })
    expect(asked).toMatchObject({ code: 77, err: expect.stringContaining('does not count here') })
    expect((await world.tandem(['policy', 'show', '--json'], { env })).out).toContain('"state":"ignored"')
  })
})

/** A bench whose one place is taken by a turn that waits for the gate `open`: what is asked next is queued. */
async function openBusyBench(policy: () => PolicyInput) {
  await using opened = new AsyncDisposableStack()
  const bench = opened.use(await openBench([held, write, wrote], { policy, config: { turns: { max_running: 1 } } }))
  const running = await bench.ask({ prompt: 'hold' })
  await bench.event(running, 'text')
  const kept = opened.move()
  return { bench, running, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

describe('a turn that was accepted under another policy', { timeout: 120_000 }, () => {
  it('is not started after a restart when it would be refused now; what Codex has may go on as far as it is allowed', async () => {
    let policy: PolicyInput = { max_sandbox: 'workspace-write' }
    await using busy = await openBusyBench(() => policy)
    const { bench, running } = busy
    const queued = await bench.ask({ prompt: 'write', sandbox: 'workspace-write' })
    policy = {}
    bench.model.release('open')
    await bench.nextLife('stop')
    expect(await bench.ended(running)).toMatchObject({ status: 'completed' })
    expect(await bench.ended(queued)).toMatchObject({
      status: 'failed',
      error: { code: 'POLICY_DENIED_SANDBOX' },
      diff: null,
    })
    expect(await bench.startsInCodex(queued).catch(() => 0)).toBe(0)
  })

  it('keeps what it was accepted with while the daemon lives', async () => {
    let policy: PolicyInput = { max_sandbox: 'workspace-write' }
    await using busy = await openBusyBench(() => policy)
    const { bench } = busy
    const queued = await bench.ask({ prompt: 'write', sandbox: 'workspace-write' })
    policy = {}
    bench.model.release('open')
    expect(await bench.ended(queued)).toMatchObject({ status: 'completed', diff: expect.stringContaining('made.txt') })
    await expect(bench.ask({ prompt: 'write', sandbox: 'workspace-write' })).rejects.toMatchObject({
      code: 'POLICY_DENIED_SANDBOX',
    })
  })

  it('does not work where its directory leads to when somebody put a link in its place', async () => {
    const denied = await realpath(await mkdtemp('/var/tmp/tandem-denied-'))
    await using _removed = { [Symbol.asyncDispose]: () => rm(denied, { recursive: true, force: true }) }
    await using busy = await openBusyBench(() => ({ max_sandbox: 'workspace-write', directories: { deny: [denied] } }))
    const { bench } = busy
    const place = join(bench.project, 'sub')
    await mkdir(place)
    const queued = await bench.ask({ prompt: 'write', sandbox: 'workspace-write', cd: place })
    await rm(place, { recursive: true })
    await symlink(denied, place)
    bench.model.release('open')
    expect(await bench.ended(queued)).toMatchObject({ status: 'failed', error: { code: 'POLICY_DENIED_DIRECTORY' } })
    expect(await readdir(denied)).toEqual([])
  })

  it('waits while the policy has a mistake, and goes on when it is mended', async () => {
    let policy: () => PolicyInput = () => ({ max_sandbox: 'workspace-write' })
    await using busy = await openBusyBench(() => policy())
    const { bench, running } = busy
    const queued = await bench.ask({ prompt: 'write', sandbox: 'workspace-write' })
    const asked = Promise.withResolvers<void>()
    policy = () => {
      asked.resolve()
      throw policyInvalid('policy.toml', 'line 1')
    }
    await bench.nextLife('abandon')
    await asked.promise
    expect(await bench.life.agents.cancel(running.id, 'ann')).toMatchObject({ status: 'interrupted' })
    expect(await bench.life.agents.turn(queued.id)).toMatchObject({ status: 'queued' })
    policy = () => ({ max_sandbox: 'workspace-write' })
    expect(await bench.ended(queued)).toMatchObject({ status: 'completed', diff: expect.stringContaining('made.txt') })
  })

  it('is not continued after a crash outside of what is allowed now', async () => {
    let policy: PolicyInput = { max_sandbox: 'workspace-write' }
    await using bench = await openBench([held, wrote], { policy: () => policy })
    const caller: Caller = { door: 'mcp', claude_session_id: 's', project_dir: bench.project }
    const { turn } = await bench.life.agents.accept(bench.input({ prompt: 'hold', sandbox: 'workspace-write' }), caller)
    await bench.event(turn, 'text')
    policy = { directories: { deny: [bench.project] } }
    await bench.nextLife('abandon')
    expect(await bench.ended(turn)).toMatchObject({
      status: 'failed',
      agent_messages: expect.stringContaining('I was'),
      error: { code: 'POLICY_DENIED_DIRECTORY' },
    })
  })
})

describe("another caller's turns and sessions", { timeout: 120_000 }, () => {
  const stranger = (project: string): Caller => ({ door: 'mcp', claude_session_id: 's2', project_dir: project })

  it('are steered only by who could ask for such a turn there', async () => {
    let policy: PolicyInput = { max_sandbox: 'workspace-write' }
    await using bench = await openBench([held, wrote], { policy: () => policy })
    const { agents } = bench.life
    const turn = await bench.ask({ prompt: 'hold', sandbox: 'workspace-write' })
    await bench.event(turn, 'text')
    const elsewhere = stranger(bench.folder.concat('/home'))
    await expect(agents.steer(turn.id, 'delete it', elsewhere)).rejects.toMatchObject({
      code: 'POLICY_DENIED_DIRECTORY',
    })
    policy = {}
    const there = stranger(bench.project)
    await expect(agents.steer(turn.id, 'delete it', there)).rejects.toMatchObject({ code: 'POLICY_DENIED_SANDBOX' })
    expect(await bench.events(turn, 'turn.steered')).toEqual([])
    policy = { max_sandbox: 'workspace-write' }
    expect(await agents.steer(turn.id, 'leave it', there)).toMatchObject({ id: turn.id })
    bench.model.release('open')
    await bench.ended(turn)
  })

  it('are gone on with only by who may read where they began', async () => {
    let policy: PolicyInput = {}
    await using bench = await openBench([wrote], { policy: () => policy })
    const first = await bench.answer({ prompt: 'hello' })
    const own = join(bench.folder, 'own')
    await mkdir(own)
    const input = bench.input({
      prompt: 'what did you read?',
      cd: own,
      session_id: first.session_id ?? '',
      skip_git_repo_check: true,
    })
    const { agents } = bench.life
    await expect(agents.accept(input, stranger(own))).rejects.toMatchObject({
      code: 'POLICY_DENIED_DIRECTORY',
      message: expect.stringContaining(bench.project),
    })
    policy = { directories: { allow: [bench.project] } }
    const { turn } = await agents.accept(input, stranger(own))
    expect(await bench.ended(turn)).toMatchObject({ status: 'completed', session_id: first.session_id })
  })
})
