import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { down, isAlive, lockHolder, stateIdentityOf, strangerAtLock } from '#client'
import { systemClock } from '#kernel'
import { createFakeVerbs, startTestDoor, tempPlaces } from '../../test/support/fake-daemon.ts'
import { startContenders } from '../../test/support/lock-contenders.ts'
import { canMount, mountTmpfs } from '../../test/support/tmpfs.ts'
import type { Contender, LockedAs } from '../../test/support/lock-contenders.ts'

/* Containers that share our directories: other numbers of processes, other files under the same paths. */

let temp: ReturnType<typeof tempPlaces>
let stack: AsyncDisposableStack

beforeEach(() => {
  temp = tempPlaces()
  stack = new AsyncDisposableStack()
  for (const directory of [temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  await stack.disposeAsync()
  temp[Symbol.dispose]()
})

const mustNotBeCalled = (): Promise<never> => Promise.reject(new Error('must not be called'))

const lifecycle = () => ({
  places: temp.places,
  clock: systemClock,
  identity: { name: 'test', version: '1.0.0' },
  launch: mustNotBeCalled,
  runDaemon: mustNotBeCalled,
})

async function holdLock(directory: string, as: LockedAs): Promise<Contender> {
  const { all } = stack.use(await startContenders(directory, { count: 1, waitMs: 0, as }))
  const [one] = all
  if (one === undefined) throw new Error('nobody contends')
  one.tell()
  expect(await one.heard()).toBe('got')
  return one
}

/** Ends with the test, and what it started with it. */
function start(program: string, words: readonly string[]) {
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  stack.defer(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { pid: child.pid ?? 0, stdout: child.stdout, ended }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

describe.runIf(canMount())('down in a container', () => {
  /** Its process 2 is a bystander; then what became of `down`, and whether the bystander lives. */
  const program = `
    import { down } from '#client'
    import { systemClock } from '#kernel'
    const [places, speed] = process.argv.slice(1).map(word => JSON.parse(word))
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * speed }
    const identity = { name: 'test', version: '1.0.0' }
    const outcome = await down({ places, clock, identity }, { graceMs: 0 }).catch(({ code, message }) => ({ code, message }))
    process.kill(2, 0)
    console.log(JSON.stringify(outcome))`

  function downInContainer(speed: number): Promise<string> {
    const script = 'sleep 60 & exec "$@"'
    const node = [process.execPath, '--input-type=module', '-e', program]
    const words = ['-pf', '--kill-child', '--mount-proc', 'sh', '-c', script, 'sh', ...node]
    return textOf(start('unshare', [...words, JSON.stringify(temp.places), String(speed)]).stdout)
  }

  async function startDaemon() {
    const verbs = createFakeVerbs()
    const lock = await holdLock(temp.places.stateDir, 'daemon')
    const door = await startTestDoor(temp.places.socketPath, verbs, { says: { pid: 2 } })
    stack.use(door)
    return { verbs, lock, door }
  }

  it('waits for the lock of a daemon outside, whatever runs under its number', async () => {
    const { verbs, lock, door } = await startDaemon()
    const outcome = downInContainer(1)
    ;(await verbs.nth(0)).answer({ pid: 2, running: 0 })
    await new Promise(resolve => setImmediate(resolve))
    await door[Symbol.asyncDispose]()
    lock.tell()
    expect(await lock.heard()).toBe('gone')
    expect(JSON.parse(await outcome)).toEqual({ kind: 'stopped', pid: 2, running: 0, wasForced: false })
  })

  it('says of one that does not end that it cannot be seen, and ends nobody', async () => {
    const { verbs, lock } = await startDaemon()
    // The ten seconds after the grace in one.
    const outcome = downInContainer(10)
    ;(await verbs.nth(0)).answer({ pid: 2, running: 0 })
    expect(JSON.parse(await outcome)).toEqual({
      code: 'DAEMON_WILL_NOT_STOP',
      message: 'the daemon did not stop, and its process is not visible here',
    })
    expect(lockHolder(temp.places.lockFile)).toBe(lock.pid)
  })
})

describe.runIf(canMount())('down outside', () => {
  /** A process that looks like the supervisor of our state directory, which is another directory where it runs. */
  async function startSupervisor(script: string) {
    const supervisor = join(temp.root, 'supervisor.sh')
    writeFileSync(supervisor, 'echo ready\nread -r never\n')
    const child = start('unshare', ['-m', 'sh', '-c', script, supervisor, temp.places.stateDir, temp.root])
    await once(child.stdout, 'data')
    return child
  }

  it('leaves the supervisor of a container alone that has another directory under the same path', async () => {
    const { pid } = await startSupervisor('mount --bind "$2" "$1" && exec sh "$0" "$1"')
    expect(await down(lifecycle())).toEqual({ kind: 'not-running' })
    expect(isAlive(pid)).toBe(true)
  })

  it('ends one in another mount namespace that has our directory', async () => {
    const { ended } = await startSupervisor('exec sh "$0" "$1"')
    expect(await down(lifecycle())).toEqual({ kind: 'not-running' })
    expect(await ended).toEqual([null, 'SIGTERM'])
  })
})

describe.runIf(canMount())('the lock’s holder', () => {
  it('is nobody who has a file of the same number on another disk', async () => {
    const other = join(temp.root, 'other')
    for (const directory of [temp.places.stateDir, other]) {
      const disk = mountTmpfs(directory, '1m')
      stack.defer(() => disk[Symbol.dispose]())
    }
    writeFileSync(temp.places.lockFile, '')
    const stranger = await holdLock(other, 'stranger')
    expect(statSync(join(other, 'daemon.lock')).ino).toBe(statSync(temp.places.lockFile).ino)
    expect([lockHolder(temp.places.lockFile), strangerAtLock(temp.places.lockFile)]).toEqual([null, undefined])
    const daemon = await holdLock(temp.places.stateDir, 'daemon')
    expect(lockHolder(temp.places.lockFile)).toBe(daemon.pid)
    expect(lockHolder(join(other, 'daemon.lock'))).toBe(stranger.pid)
  })

  /** Number and stranger of each file, for a user who may not look at most processes. */
  async function seenByNobody(...files: readonly string[]): Promise<unknown> {
    const { stateDir } = temp.places
    for (const directory of [temp.root, dirname(stateDir), ...files.map(dirname)]) chmodSync(directory, 0o711)
    const program = `
      import { statSync } from 'node:fs'
      import { strangerAtLock } from '#client'
      process.setgroups([])
      process.setgid(65534)
      process.setuid(65534)
      console.log(JSON.stringify(process.argv.slice(1).map(file => [statSync(file).ino, strangerAtLock(file) ?? null])))`
    return JSON.parse(await textOf(start(process.execPath, ['--input-type=module', '-e', program, ...files]).stdout))
  }

  it('is nobody who has such a file and is somebody whose open files we may not see', async () => {
    const other = join(temp.root, 'other')
    for (const directory of [temp.places.stateDir, other]) {
      const disk = mountTmpfs(directory, '1m')
      stack.defer(() => disk[Symbol.dispose]())
    }
    writeFileSync(temp.places.lockFile, '')
    const stranger = await holdLock(other, 'stranger')
    const { ino } = statSync(temp.places.lockFile)
    expect(await seenByNobody(temp.places.lockFile, join(other, 'daemon.lock'))).toEqual([
      [ino, null],
      [ino, stranger.pid],
    ])
  })

  it('is one of our own that has guarded itself, where the lock table names another device than stat', async () => {
    const [lower, upper, merged] = ['lower', 'upper', 'merged'].map(name => join(temp.root, name))
    if (lower === undefined || upper === undefined || merged === undefined) throw new Error('three were named')
    for (const directory of [lower, upper]) {
      const disk = mountTmpfs(directory, '1m')
      stack.defer(() => disk[Symbol.dispose]())
    }
    for (const directory of [merged, join(upper, 'files'), join(upper, 'work')]) mkdirSync(directory)
    const layers = `xino=off,lowerdir=${lower},upperdir=${upper}/files,workdir=${upper}/work`
    execFileSync('mount', ['-t', 'overlay', '-o', layers, 'none', merged])
    stack.defer(() => void execFileSync('umount', ['-l', merged]))
    const file = join(merged, 'daemon.lock')
    // Who gives up being root is guarded by the kernel: prctl(2), PR_SET_DUMPABLE.
    const script = `use Fcntl; use POSIX; open(F, "+>", $ARGV[0]) or die; my $lock = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0);
      fcntl(F, F_SETLK, $lock) or die; POSIX::setuid(65534) or die; $| = 1; print "got"; sleep 60`
    const holder = start('perl', ['-e', script, file])
    await once(holder.stdout, 'data')
    expect(await seenByNobody(file)).toEqual([[statSync(file).ino, holder.pid]])
  })
})

describe.runIf(canMount())('what listens at the address', () => {
  const listener = `require('node:net').createServer(one => one.resume()).listen(process.argv[1], () => {
    require('node:fs').chmodSync(process.argv[1], 0o600)
    console.log('listens')
  })`
  const client = `
    import { createClient } from '#client'
    import { systemClock } from '#kernel'
    const identity = { name: 'test', version: '1.0.0' }
    const places = JSON.parse(process.argv[1])
    await using client = createClient({ places, clock: systemClock, identity, patienceMs: 0, connectTimeoutMs: 2500 })
    console.log(await client.connect().catch(({ code }) => code))`

  it.each([
    ['with a network of its own', ['env'], ['unshare', '-n']],
    ['with our network and processes of its own', ['unshare', '-pf', '--kill-child', '--mount-proc'], ['env']],
  ])('may be a daemon whose lock cannot be seen from here, %s, when its address is ours', async (_, here, there) => {
    const { places } = temp
    const run = ([program = '', ...words]: readonly string[]) => start(program, words)
    await once(run([...there, process.execPath, '-e', listener, places.socketPath]).stdout, 'data')
    const address = { socket: places.socketPath, pid: 1, version: '1.0.0', started_at: 1 }
    const identity = { state_identity: stateIdentityOf(places) }
    writeFileSync(places.addressFile, JSON.stringify({ ...address, ...identity }))
    const words = ['--input-type=module', '-e', client, JSON.stringify(places)]
    expect(await textOf(run([...here, process.execPath, ...words]).stdout)).toBe('DAEMON_START_TIMEOUT\n')
  })
})
