import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rule, say, shell } from '#scripted-model'
import { openBench } from './test-harness.ts'

/** A PATH whose git does not add anything until it may. */
function holdGit(): Disposable & { readonly path: string; hasBegun(): boolean; release(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-git-'))
  const [begun, open] = [join(folder, 'begun'), join(folder, 'open')]
  const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
  const wait = `: > '${begun}'; while [ -d '${folder}' ] && [ ! -e '${open}' ]; do sleep 0.05; done`
  const script = `#!/bin/sh\ncase " $* " in *' add '*) ${wait};; esac\nexec '${real}' "$@"\n`
  writeFileSync(join(folder, 'git'), script, { mode: 0o755 })
  return {
    path: `${folder}:${process.env['PATH'] ?? ''}`,
    hasBegun: () => existsSync(begun),
    release: () => writeFileSync(open, ''),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

describe('a git that takes long to read the tree of a read-only turn', { timeout: 60_000 }, () => {
  it('holds up neither the end of a turn that only talked nor the next one of its session', async () => {
    using git = holdGit()
    await using bench = await openBench(
      [rule('hold', { lastText: 'hold' }, [{ gate: 'begun' }, say('first')]), rule('next', {}, [say('second')])],
      { path: git.path },
    )
    const turn = await bench.ask({ prompt: 'hold' })
    await expect.poll(() => git.hasBegun(), { timeout: 20_000 }).toBe(true)
    bench.model.release('begun')
    const answer = await bench.ended(turn)
    expect(answer).toMatchObject({ success: true, agent_messages: 'first' })
    const next = await bench.answer({ prompt: 'next', session_id: answer.session_id ?? '' })
    expect(next).toMatchObject({ success: true, agent_messages: 'second' })
    expect(await bench.events(turn, 'warning')).toEqual([])
    git.release()
  })

  it('is no proof that the turn changed nothing, when a tool was used meanwhile', async () => {
    using git = holdGit()
    await using bench = await openBench(
      [
        rule('look', { lastText: 'look', sincePrompt: 0 }, [{ gate: 'begun' }, shell('true')]),
        rule('done', {}, [say('looked')]),
      ],
      { path: git.path },
    )
    const turn = await bench.ask({ prompt: 'look' })
    await expect.poll(() => git.hasBegun(), { timeout: 20_000 }).toBe(true)
    bench.model.release('begun')
    await bench.event(turn, 'command.ended')
    git.release()
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'looked', diff: null })
    const warnings = await bench.events(turn, 'warning')
    expect(warnings.map(event => event.data['message'])).toEqual([expect.stringMatching(/^not compared: /)])
  })
})
