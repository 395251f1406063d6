import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { describe, expect, test, vi } from 'vitest'
import { projectRoot } from './support/source.ts'

/* The demo as a person runs it: the real Claude Code, the real Codex, the daemon, from the bundle. */

/** `tandem demo --json` with a temporary directory of its own, and a HOME that must stay empty. */
function startDemo({ parent = tmpdir(), place = '' } = {}) {
  const dir = mkdtempSync(join(parent, 'demo-'))
  const child = spawn(join(projectRoot, 'bin', 'tandem'), ['demo', '--json'], {
    cwd: dir,
    // Both programs from node_modules, as in a fresh checkout.
    env: { PATH: '/usr/bin:/bin', HOME: join(dir, 'home'), TMPDIR: join(dir, place) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const told: string[] = []
  const lines = createInterface({ input: child.stderr }).on('line', line => told.push(line))
  const finished = new Promise<number | null>(resolve => void child.on('close', resolve))
  return {
    child,
    told,
    finished,
    /** The first line with that text. */
    until: (wanted: string): Promise<void> =>
      new Promise((resolve, reject) => {
        lines.on('line', line => void (line.includes(wanted) && resolve()))
        void finished.then(() => reject(new Error(`"${wanted}" was never said: ${told.join('\n')}`)))
      }),
    async end() {
      const [out, code] = await Promise.all([text(child.stdout), finished])
      return { out, code, left: readdirSync(dir) }
    },
    /** What runs with a directory of this demo in its environment; nothing is known of it without /proc. */
    running: () => processes().filter(pid => environmentOf(pid).includes(`=${dir}/`)),
    left: () => readdirSync(dir),
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT')
      await finished
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const hasProc = existsSync('/proc')
const processes = (): readonly string[] => (hasProc ? readdirSync('/proc') : [])

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    // Not a process, or it has just ended.
    return ''
  }
}

describe('tandem demo', () => {
  test('plays the story with the two real programs, survives the kill of the daemon, and leaves nothing', async () => {
    // Codex behaves otherwise where its home is under /tmp, as in the tests below.
    await using demo = startDemo({ parent: '/var/tmp' })
    const { out, code, left } = await demo.end()
    const lines = out.split('\n')
    expect(lines).toEqual([expect.stringMatching(/^\{.*\}$/), ''])
    const report: unknown = JSON.parse(lines[0] ?? '')
    expect(report).toMatchObject({
      ok: true,
      scripted: true,
      claude_version: '2.1.329',
      codex_version: '0.169.0',
      session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      recovered: { decision: 'continued', status: 'completed', reason: expect.any(String) },
      failures: [],
    })
    const { stages, session_id, recovered, ms } = report as {
      stages: { name: string; ok: boolean; session_id?: string }[]
      session_id: string
      recovered: { old_pid: number; new_pid: number }
      ms: number
    }
    expect(stages.map(stage => [stage.name, stage.ok, stage.session_id])).toEqual([
      ['analysis', true, session_id],
      ['discussion', true, session_id],
      ['prototype', true, session_id],
      ['implementation', true, undefined],
      ['review', true, session_id],
      ['adjustment', true, undefined],
      ['final_review', true, session_id],
      ['documentation', true, session_id],
    ])
    expect(recovered.new_pid).not.toBe(recovered.old_pid)
    expect(ms).toBeLessThan(60_000)
    expect(demo.told.join('\n')).toContain('The model is SCRIPTED')
    expect([code, left]).toEqual([0, []])
  })

  test('says what to set where there is no directory for its files', async () => {
    await using demo = startDemo({ place: 'nowhere' })
    const { out, code } = await demo.end()
    const error = { code: 'DEMO_PLACE_UNUSABLE', kind: 'unavailable', hint: expect.stringContaining('TMPDIR') }
    expect([JSON.parse(out), code]).toMatchObject([{ ok: false, error }, 1])
  })

  test('whose reader has left ends as any command does then', async () => {
    await using demo = startDemo({ place: 'nowhere' })
    demo.child.stdout.destroy()
    expect([await demo.finished, demo.told.join('\n')]).toEqual([141, expect.stringContaining('DEMO_PLACE_UNUSABLE')])
    expect(demo.told.join('\n')).not.toContain('EPIPE')
  })

  test.each(['Codex runs:', 'kill -9'])('Ctrl-C after "%s" ends everything and leaves nothing', async moment => {
    await using demo = startDemo()
    await demo.until(moment)
    demo.child.kill('SIGINT')
    const { out, code, left } = await demo.end()
    expect([JSON.parse(out), code, left]).toMatchObject([{ ok: false, error: { code: 'CANCELLED' } }, 130, []])
    expect(demo.running()).toEqual([])
  })

  test.runIf(hasProc)('that is killed is tidied up behind', async () => {
    await using demo = startDemo()
    await demo.until('Codex runs:')
    expect(demo.running().length).toBeGreaterThan(3)
    demo.child.kill('SIGKILL')
    await vi.waitFor(() => expect([demo.running(), demo.left()]).toEqual([[], []]), { timeout: 60_000, interval: 100 })
  })
})
