import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rule, say, shell } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'
import type { Bench } from '../src/agents/test-harness.ts'

const echo = rule('echo', {}, [say('you said {{lastText}}')])
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** The bodies of the requests for an answer, oldest first; without those that Codex makes for itself. */
const bodies = (bench: Bench): readonly Record<string, unknown>[] =>
  bench.model.requests.flatMap(({ body, rule: name }) =>
    name?.startsWith('built-in') === false && typeof body === 'object' ? [body as Record<string, unknown>] : [],
  )
const effortsOf = (bench: Bench): readonly unknown[] =>
  bodies(bench).map(body => (body['reasoning'] as Record<string, unknown> | null)?.['effort'])

describe('what a turn is asked with', { timeout: 60_000 }, () => {
  it('effort and model hold for that turn only', async () => {
    await using bench = await openBench([echo])
    const { session_id: session } = await bench.answer({ prompt: 'a' })
    await bench.answer({ prompt: 'b', session_id: session ?? '', effort: 'high', model: 'gpt-5.6-sol' })
    await bench.answer({ prompt: 'c', session_id: session ?? '' })
    const seen = bodies(bench).map(body => body['model'])
    expect(seen[1]).toBe('gpt-5.6-sol')
    expect([seen[2], effortsOf(bench)[2]]).toEqual([seen[0], effortsOf(bench)[0]])
    expect(effortsOf(bench)[1]).toBe('high')
  })

  it('effort of a model that the catalogue does not know holds for that turn only, too', async () => {
    await using bench = await openBench([echo])
    const { session_id: session } = await bench.answer({ prompt: 'a', model: 'my-own-model' })
    await bench.answer({ prompt: 'b', session_id: session ?? '', effort: 'high', model: 'my-own-model' })
    await bench.answer({ prompt: 'c', session_id: session ?? '', model: 'my-own-model' })
    // Codex cannot be told to forget an effort: one that is no particular wish takes its place.
    expect(effortsOf(bench)).toEqual([undefined, 'high', 'medium'])
  })

  it('effort that the model does not know is refused', async () => {
    await using bench = await openBench([echo])
    expect(await bench.answer({ model: 'gpt-5.5', effort: 'ultra' })).toMatchObject({
      status: 'failed',
      error: { code: 'EFFORT_UNSUPPORTED', kind: 'invalid' },
    })
    expect(bodies(bench)).toEqual([])
  })

  it('the settings hold where a call says nothing', async () => {
    const thoughtful = rule(
      'think',
      { lastText: 'think' },
      [{ reasoning: 'let me see' }, say('first'), shell('true')],
      [say('last')],
    )
    await using bench = await openBench([thoughtful, echo])
    const { settings } = bench.life.agents
    await settings.edit({ project: bench.project }, { effort: 'low', reasoning: true, final_only: false })
    const answer = await bench.answer({ prompt: 'think' })
    expect(effortsOf(bench)[0]).toBe('low')
    expect(answer.agent_messages).toBe('last')
    expect(answer.all_messages?.map(({ kind }) => kind)).toEqual(['reasoning', 'message', 'command', 'message'])
    expect(answer.all_messages?.[0]?.text).toBe('let me see')
    await settings.edit({ project: bench.project }, { reasoning: 'default', final_only: 'default' })
    expect((await bench.answer({ prompt: 'plain', effort: 'high' })).all_messages).toBeUndefined()
    expect(effortsOf(bench).at(-1)).toBe('high')
  })

  it('images reach the model; those that are none are refused', async () => {
    await using bench = await openBench([echo])
    const image = join(bench.folder, 'dot.png')
    writeFileSync(image, png)
    expect((await bench.answer({ prompt: 'look', image: [image] })).success).toBe(true)
    expect(JSON.stringify(bodies(bench)[0])).toContain('data:image/png;base64,')
    await expect(bench.ask({ image: [join(bench.folder, 'gone.png')] })).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
    })
  })

  it('an output schema goes to the model, and the answer is held against it', async () => {
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    }
    await using bench = await openBench([
      rule('good', { lastText: 'good' }, [say('{"name": "x"}')]),
      rule('bad', { lastText: 'bad' }, [say('{"name": 5}')]),
      rule('prose', { lastText: 'prose' }, [say('I would rather not')]),
    ])
    const good = await bench.answer({ prompt: 'good', output_schema: schema })
    expect(good).toMatchObject({ success: true, output: { name: 'x' } })
    expect(JSON.stringify(bodies(bench)[0]?.['text'])).toContain('"json_schema"')
    const bad = await bench.answer({ prompt: 'bad', output_schema: schema, session_id: good.session_id ?? '' })
    expect(bad).toMatchObject({
      success: false,
      status: 'completed',
      agent_messages: '{"name": 5}',
      error: { code: 'OUTPUT_MISMATCH', message: expect.stringContaining('name') },
    })
    expect(
      await bench.answer({ prompt: 'prose', output_schema: schema, session_id: good.session_id ?? '' }),
    ).toMatchObject({ error: { code: 'OUTPUT_MISMATCH' } })
    // It is for one turn only.
    expect(await bench.answer({ prompt: 'prose', session_id: good.session_id ?? '' })).toMatchObject({
      success: true,
      error: null,
    })
    await expect(bench.ask({ output_schema: { type: 'array' } })).rejects.toMatchObject({
      code: 'OUTPUT_SCHEMA_INVALID',
    })
  })

  it('what is refused is refused before anything is stored', async () => {
    await using bench = await openBench([echo])
    await expect(bench.ask({ cd: join(bench.folder, 'gone') })).rejects.toMatchObject({ code: 'CD_INVALID' })
    await expect(bench.ask({ cd: bench.folder, skip_git_repo_check: false })).rejects.toMatchObject({
      code: 'CD_NOT_A_REPOSITORY',
    })
    await expect(bench.ask({ yolo: true })).rejects.toMatchObject({ code: 'POLICY_DENIED_SANDBOX' })
    expect(await bench.life.store.turns.list({ limit: 10 })).toEqual([])
    expect((await bench.answer({ cd: bench.folder })).success).toBe(true)
  })
})

/** A PATH whose git writes down each command that it has done. */
function watchGit(): Disposable & { readonly path: string; done(): string } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-git-'))
  const list = join(folder, 'done')
  writeFileSync(list, '')
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const script = `#!/bin/sh\n'${real}' "$@"\ncode=$?\necho "$@" >> '${list}'\nexit $code\n`
  writeFileSync(join(folder, 'git'), script, { mode: 0o700 })
  return {
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    done: () => readFileSync(list, 'utf8'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

describe('a read-only turn', { timeout: 60_000 }, () => {
  const look = rule('look', { lastText: 'look', sincePrompt: 0 }, [shell('true'), { gate: 'open' }])

  it('is an error when a file changed meanwhile', async () => {
    using git = watchGit()
    await using bench = await openBench([look, echo], { path: git.path })
    const turn = await bench.ask({ prompt: 'look' })
    await bench.model.waitForRequest(request => request.rule === 'look', { timeoutMs: 20_000 })
    // The tree before a read-only turn is looked at beside its start.
    await expect.poll(() => git.done(), { timeout: 20_000 }).toContain('write-tree')
    writeFileSync(join(bench.project, 'surprise.txt'), 'x\n')
    bench.model.release('open')
    const answer = await bench.ended(turn)
    expect(answer).toMatchObject({
      success: false,
      status: 'completed',
      agent_messages: 'you said look',
      error: { code: 'READ_ONLY_CHANGED', data: { files: ['surprise.txt'] } },
    })
    expect(answer.diff).toContain('+++ b/surprise.txt')
  })

  it('is none when a turn that may write was at work there; one elsewhere does not count', async () => {
    const write = rule('write', { lastText: 'write', sincePrompt: 0 }, [shell('echo x > made.txt')])
    await using bench = await openBench([look, write, echo])
    const reader = await bench.ask({ prompt: 'look' })
    await bench.model.waitForRequest(request => request.rule === 'look', { timeoutMs: 20_000 })
    expect((await bench.answer({ prompt: 'write', sandbox: 'workspace-write' })).diff).toContain('made.txt')
    bench.model.release('open')
    expect(await bench.ended(reader)).toMatchObject({ success: true, error: null })
  })

  it('cannot write', async () => {
    await using bench = await openBench([
      rule('write', { lastText: 'write', sincePrompt: 0 }, [shell('echo x > made.txt')]),
      echo,
    ])
    expect(await bench.answer({ prompt: 'write' })).toMatchObject({ success: true, diff: null })
    expect(existsSync(join(bench.project, 'made.txt'))).toBe(false)
  })

  it('tells whether the diff that it proposes applies', async () => {
    const diff = '```diff\n--- a/x.txt\n+++ b/x.txt\n@@ -1 +1 @@\n-one\n+two\n```'
    await using bench = await openBench([rule('propose', {}, [say(`Here:\n${diff}`)])])
    expect((await bench.answer({})).proposed_diff).toMatchObject({
      applies: false,
      files: [{ path: 'x.txt', applies: false }],
    })
    writeFileSync(join(bench.project, 'x.txt'), 'one\n')
    expect((await bench.answer({})).proposed_diff).toMatchObject({ applies: true })
  })
})

describe('a turn that may write', { timeout: 60_000 }, () => {
  it('tells what a command changed that the sandbox then denied, of which Codex says nothing', async () => {
    await using bench = await openBench([
      rule('write', { lastText: 'write', sincePrompt: 0 }, [shell('echo x > made.txt; echo y > /denied.txt')]),
      echo,
    ])
    expect((await bench.answer({ prompt: 'write', sandbox: 'workspace-write' })).diff).toContain('+++ b/made.txt')
  })
})
