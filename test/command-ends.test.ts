import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestTandem, finished } from './support/tandem.ts'
import type { Finished, TestTandem } from './support/tandem.ts'

/* How one-shot commands end when a daemon hangs, or the terminal around them is not as usual: never by hanging. */

const main = fileURLToPath(new URL('../src/app/main.ts', import.meta.url))

let tandem: TestTandem
let daemon = 0
beforeAll(async () => {
  tandem = createTestTandem()
  await tandem.run(['up'])
  daemon = tandem.daemonPid() ?? 0
})
afterAll(() => tandem[Symbol.asyncDispose]())

/** A line of a shell in which `tandem` is ours; `code` is the shell's. */
function shell(line: string): Promise<Finished> {
  const script = `tandem() { "${process.execPath}" "${main}" "$@"; }; ${line}`
  return finished(
    spawn('/bin/bash', ['-c', script], { env: tandem.env, cwd: tandem.root, stdio: ['ignore', 'pipe', 'pipe'] }),
  )
}

describe('Ctrl-C while the daemon hangs', () => {
  beforeAll(() => void process.kill(daemon, 'SIGSTOP'))
  afterAll(() => void process.kill(daemon, 'SIGCONT'))

  it.each([[['turns']], [['turns', '--json']], [['status']], [['policy', 'show']]])(
    'ends %j at once, with nothing on stdout',
    async argv => {
      const child = tandem.start(argv)
      const ended = finished(child)
      await connected(child.pid ?? 0)
      const began = performance.now()
      child.kill('SIGINT')
      const { code, signal, stdout } = await ended
      expect({ code, signal, stdout }).toEqual({ code: null, signal: 'SIGINT', stdout: '' })
      expect(performance.now() - began).toBeLessThan(2000)
    },
  )

  it('leaves health --watch with its code', async () => {
    const child = tandem.start(['health', '--watch', '--json'])
    const ended = finished(child)
    await once(child.stdout ?? child, 'data')
    await connected(child.pid ?? 0)
    const began = performance.now()
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 130, signal: null })
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it.each([
    [[], /^$/],
    [['--json'], /^\{"type":"detached","turn_id":null.*\}\n$/],
  ])('leaves ask %j, of whose turn nothing is known, within seconds', async (options, said) => {
    const child = tandem.start(['ask', 'what is this?', ...options])
    const ended = finished(child)
    await connected(child.pid ?? 0)
    // Its listener is there before it connects.
    const began = performance.now()
    child.kill('SIGINT')
    const { code, signal, stdout } = await ended
    expect([code, signal, performance.now() - began < 6000]).toEqual([130, null, true])
    expect(stdout).toMatch(said)
  })
})

describe('streams that are closed', () => {
  it('an ask without stdin and prompt is refused', async () => {
    const { code, stdout, stderr } = await shell('tandem ask <&-')
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('INPUT_INVALID')
  })

  it.each(['turns --json', 'help', 'completion bash', 'check', 'health'])(
    'tandem %s for a reader who leaves ends as left, silently',
    async command => {
      const { code, stdout, stderr } = await shell(
        `{ tandem ${command}; echo "code $?" >&2; } | { exec <&-; sleep 0; }`,
      )
      expect([code, stdout, stderr]).toEqual([0, '', 'code 141\n'])
    },
  )

  it.each(['turns', 'status --json', 'version'])('tandem %s without stdout does its work', async command => {
    expect(await shell(`tandem ${command} >&-`)).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })

  it('without stderr a failure is told by its code alone', async () => {
    expect(await shell('tandem turn turn_01jd3x0000000000000000000a 2>&-')).toMatchObject({ code: 66, stdout: '' })
  })
})

describe('a directory that was deleted', () => {
  // A shell that was started in it, as `bin/tandem` is, does not know its name any more.
  it.each(['export PWD', 'unset PWD'])('is not taken for another one (%s)', async name => {
    const line = `mkdir gone && cd gone && rmdir ../gone && { ${name}; tandem ask hello --json; }`
    const { code, stdout } = await shell(line)
    expect({ code, answer: JSON.parse(stdout) }).toMatchObject({ code: 2, answer: { error: { code: 'CD_INVALID' } } })
  })
})

/** Resolves when a process has a socket besides its streams: from then on it waits for an answer. */
async function connected(pid: number): Promise<void> {
  await expect.poll(() => hasSocket(pid), { timeout: 20_000, interval: 20 }).toBe(true)
}

function hasSocket(pid: number): boolean {
  const directory = `/proc/${pid}/fd`
  try {
    return readdirSync(directory).some(fd => Number(fd) > 2 && readlinkSync(`${directory}/${fd}`).startsWith('socket:'))
  } catch {
    // One was closed while we looked.
    return false
  }
}
