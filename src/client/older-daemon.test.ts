import { describe, expect, it } from 'vitest'
import { startContenders } from '../../test/support/lock-contenders.ts'
import type { TestDoorOptions } from '../../test/support/fake-daemon.ts'
import { benchForEach, failureOf } from './test-harness.ts'

const bench = benchForEach()
const { open, startDoor } = bench

describe('versions', () => {
  /** A daemon of another version in this process, with a process of its own for its pid and its lock. */
  async function startOldDaemon(
    more: TestDoorOptions['says'] = {},
    lingerMs = 0,
  ): Promise<{ readonly startDaemon: () => Promise<void> }> {
    const contenders = await startContenders(bench.places.stateDir, { count: 1, waitMs: 0 })
    bench.owns(contenders)
    const [body] = contenders.all
    body?.tell()
    expect(await body?.heard()).toBe('got')
    const pid = body?.pid ?? 0
    const door = await startDoor({ says: { version: '0.9.0', pid, ...more } })
    void bench.verbs.nth(0).then(async call => {
      call.answer({ pid, running: 0 })
      await door[Symbol.asyncDispose]()
      setTimeout(() => void body?.kill(), lingerMs)
    })
    return { startDaemon: async () => void (await startDoor({ says: { version: '1.0.0' } })) }
  }

  it.each([{ running: 0, can_upgrade: false }, { running: 3, can_upgrade: true }, { protocol: 0 }])(
    'a newer client replaces an older daemon that says %j',
    async says => {
      const { startDaemon } = await startOldDaemon(says)
      expect(await open({ startDaemon }).connect()).toMatchObject({ version: '1.0.0' })
      expect(bench.verbs.calls[0]).toMatchObject({ verb: 'shutdown', input: { reason: 'upgrade', grace_ms: 0 } })
    },
  )

  it('gives an older daemon time of its own to end', async () => {
    const { startDaemon } = await startOldDaemon({}, 700)
    expect(await open({ startDaemon, connectTimeoutMs: 500 }).connect()).toMatchObject({ version: '1.0.0' })
  })

  it('says that an older daemon is still at it when that time is over', async () => {
    const { startDaemon } = await startOldDaemon({}, 700)
    const failure = await failureOf(open({ startDaemon, stopTimeoutMs: 200 }).connect())
    expect(failure).toMatchObject({
      code: 'DAEMON_STILL_STOPPING',
      message: expect.stringMatching(/pid \d+\) is still stopping after 200 ms/),
      hint: expect.stringContaining('try again'),
    })
  })

  it.each([
    ['work would be lost', { says: { version: '0.9.0', running: 1, can_upgrade: false } }, true],
    ['it may not start one', { says: { version: '0.9.0' } }, false],
    ['the daemon is newer', { says: { version: '1.0.1' } }, true],
    ['the daemon is the same', { says: { version: '1.0.0' } }, true],
  ] as const)('uses the daemon as it is when %s', async (_, door, mayStart) => {
    await startDoor(door)
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    expect(await open(mayStart ? { startDaemon } : {}).connect()).toMatchObject(door.says)
    expect(bench.verbs.calls).toEqual([])
  })

  it('does not wait for ever for an older daemon that hangs when it is to stop', async () => {
    await startDoor({ says: { version: '0.9.0' } })
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon, connectTimeoutMs: 300 }).connect()).rejects.toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
      message: expect.stringContaining('the daemon did not answer within 300 ms (the older one does not answer)'),
    })
    expect(bench.verbs.calls).toMatchObject([{ verb: 'shutdown' }])
  })

  it('says clearly when a newer daemon speaks another protocol', async () => {
    await startDoor({ says: { protocol: 2, version: '2.0.0' } })
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({
      code: 'DAEMON_PROTOCOL',
      message: 'the daemon 2.0.0 speaks protocol 2, the client 1',
    })
  })
})
