import { writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rule, say } from '#scripted-model'
import { caller, openBench } from '../src/agents/test-harness.ts'

const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
const slow = { timeout: 60_000 }

describe('a session', slow, () => {
  it('called "last" is the latest of this Claude session in this directory', async () => {
    await using bench = await openBench(echo)
    const { agents } = bench.life
    const other = join(bench.folder, 'other')
    await mkdir(other)
    const mine = { ...caller, claude_session_id: 'claude-1' }
    const sessionOf = async (prompt: string, who: typeof caller, own: object = {}): Promise<string | null> => {
      const { turn } = await agents.accept(bench.input({ prompt, ...own }), who)
      return (await bench.ended(turn)).session_id
    }
    await expect(sessionOf('a', mine, { session_id: 'last' })).rejects.toMatchObject({ code: 'SESSION_NONE_YET' })
    const first = await sessionOf('b', mine)
    const elsewhere = await sessionOf('c', mine, { cd: other })
    const theirs = await sessionOf('d', { ...caller, claude_session_id: 'claude-2' })
    expect(await sessionOf('e', mine, { session_id: 'last' })).toBe(first)
    expect(await sessionOf('f', mine, { session_id: 'last', cd: other })).toBe(elsewhere)
    // Without a Claude session: the latest in the directory, whoever's.
    expect([first, theirs]).toContain(await sessionOf('g', caller, { session_id: 'last' }))
    expect(new Set([first, elsewhere, theirs]).size).toBe(3)
  })

  it('is refused when it is unknown or archived, and not archived while it is busy', async () => {
    await using bench = await openBench([rule('held', { lastText: 'hold' }, [say('I '), { gate: 'open' }]), ...echo])
    const { agents } = bench.life
    await expect(bench.ask({ session_id: 'nope' })).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' })
    const { session_id: session } = await bench.answer({ prompt: 'hello' })
    const where = { cd: undefined, caller }
    const held = await bench.ask({ prompt: 'hold', session_id: session ?? '' })
    const agent = await agents.session(session ?? '', where)
    await expect(agents.archive(agent)).rejects.toMatchObject({ code: 'SESSION_BUSY' })
    bench.model.release('open')
    await bench.ended(held)
    expect((await agents.archive(agent)).status).toBe('archived')
    expect((await agents.archive(await agents.session(session ?? '', where))).status).toBe('archived')
    await expect(bench.ask({ session_id: session ?? '' })).rejects.toMatchObject({ code: 'SESSION_ARCHIVED' })
    expect(await agents.threads({ cd: bench.project, withArchived: false, limit: 10 })).toEqual([])
    expect(await agents.threads({ cd: bench.project, withArchived: true, limit: 10 })).toMatchObject([
      { session_id: session, status: 'archived', turns: 2 },
    ])
  })

  it('runs its turns one after the other, and two sessions side by side', async () => {
    await using bench = await openBench([
      rule('held', { lastText: '/^hold (\\w+)/' }, [say('I '), { gate: '{{match.1}}' }, { gate: 'open' }]),
      ...echo,
    ])
    const first = await bench.ask({ prompt: 'hold one' })
    await bench.event(first, 'turn.started')
    const session = (await bench.life.agents.turn(first.id)).threadId ?? ''
    const second = await bench.ask({ prompt: 'then this', session_id: session })
    const beside = await bench.answer({ prompt: 'beside' })
    expect(beside.status).toBe('completed')
    await expect.poll(() => bench.life.agents.counts).toEqual({ queued: 1, running: 1 })
    expect((await bench.life.agents.turn(second.id)).status).toBe('queued')
    await bench.life.agents.cancel(first.id, 'test')
    expect(await bench.ended(second)).toMatchObject({
      success: true,
      agent_messages: 'you said then this',
      session_id: session,
    })
  })

  it('that Codex lost before its first turn was kept is replaced, also for the turns behind it', async () => {
    await using bench = await openBench([
      rule('held', { lastText: 'first', sincePrompt: 0 }, [{ gate: 'never' }], [say('at last')]),
      ...echo,
    ])
    const first = await bench.ask({ prompt: 'first' })
    await bench.event(first, 'turn.started')
    const lost = (await bench.life.agents.turn(first.id)).threadId ?? ''
    const second = await bench.ask({ prompt: 'second', session_id: lost })
    await bench.model.waitForRequest(request => request.rule === 'held', { timeoutMs: 20_000 })
    bench.killCodex()
    const answer = await bench.ended(first)
    const behind = await bench.ended(second)
    expect([answer.success, behind.success]).toEqual([true, true])
    expect(behind.session_id).toBe(answer.session_id)
    expect([answer.session_restarted, behind.session_restarted]).toEqual([
      answer.session_id !== lost,
      answer.session_id !== lost,
    ])
    // Its old name still leads there.
    expect((await bench.answer({ prompt: 'third', session_id: lost })).session_id).toBe(answer.session_id)
  })
})

describe('a profile', slow, () => {
  it('holds for its session: in later turns, and in the next life', async () => {
    await using bench = await openBench(echo)
    writeFileSync(
      join(bench.folder, 'codex', 'quick.config.toml'),
      'model = "gpt-5.6-sol"\nmodel_reasoning_effort = "low"\n',
    )
    const modelsSeen = (): readonly unknown[] =>
      bench.model.requests.flatMap(({ body }) =>
        typeof body === 'object' && body !== null && 'model' in body ? [body['model']] : [],
      )
    const { session_id: session } = await bench.answer({ prompt: 'one', profile: 'quick' })
    await bench.answer({ prompt: 'two', session_id: session ?? '' })
    await bench.nextLife('stop')
    await bench.answer({ prompt: 'three', session_id: session ?? '', profile: 'quick' })
    await bench.answer({ prompt: 'four', session_id: session ?? '' })
    expect(modelsSeen()).toEqual(['gpt-5.6-sol', 'gpt-5.6-sol', 'gpt-5.6-sol', 'gpt-5.6-sol'])
  })

  it('is refused when it is missing, not valid, or not the one of the session', async () => {
    await using bench = await openBench(echo)
    writeFileSync(join(bench.folder, 'codex', 'quick.config.toml'), '')
    writeFileSync(join(bench.folder, 'codex', 'broken.config.toml'), '= =')
    await expect(bench.ask({ profile: 'gone' })).rejects.toMatchObject({ code: 'CODEX_PROFILE_MISSING' })
    await expect(bench.ask({ profile: 'broken' })).rejects.toMatchObject({ code: 'CODEX_PROFILE_INVALID' })
    const { session_id: session } = await bench.answer({ prompt: 'one' })
    await expect(bench.ask({ session_id: session ?? '', profile: 'quick' })).rejects.toMatchObject({
      code: 'PROFILE_FIXED',
    })
  })
})
