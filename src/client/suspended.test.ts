import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'
import { isSuspended, readHealth, statusOf } from '#client'
import { systemClock } from '#kernel'
import { benchForEach, failureOf } from './test-harness.ts'

/* A daemon that has its lock and its socket, and that something keeps from running. */

const bench = benchForEach()
const identity = { name: 'test', version: '1.0.0' }
const health = () => readHealth({ places: bench.places, clock: systemClock, identity }, { limitMs: 500 })

/** Takes lock and socket in a child, prints the child's pid, and stays its parent. */
const program = `
  use Fcntl; use IO::Socket::UNIX; use IO::Handle;
  my ($file, $path, $traceme) = @ARGV;
  my $child = fork();
  if ($child == 0) {
    umask 0177;
    open(my $lock, "+>", $file) or die;
    my $whole = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0);
    fcntl($lock, F_SETLK, $whole) or die;
    my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die;
    if ($traceme >= 0) { syscall(int $traceme, 0, 0, 0, 0) == 0 or die }
    kill STOP => $$;
    sleep 60;
  }
  STDOUT->autoflush(1);
  print "$child\\n";
  sleep 60`

/** The number of ptrace(2) on this machine; its first request is PTRACE_TRACEME. */
const ptrace = process.arch === 'arm64' ? 117 : 101

async function startStopped(state: 'T' | 't'): Promise<number> {
  const { lockFile, socketPath } = bench.places
  const words = ['-e', program, lockFile, socketPath, String(state === 't' ? ptrace : -1), 'daemon']
  const parent = spawn('perl', words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(parent, 'exit')
  const lines = createInterface({ input: parent.stdout })
  const pid = Number((await once(lines, 'line'))[0])
  bench.owns({
    async [Symbol.asyncDispose]() {
      process.kill(pid, 'SIGKILL')
      parent.kill('SIGKILL')
      await ended
    },
  })
  await expect.poll(() => statusOf(pid)?.state).toBe(state)
  return pid
}

it('by a signal: that is said, with what lets it go on', async () => {
  const pid = await startStopped('T')
  const cure = `kill -CONT ${pid}`
  expect(isSuspended(pid)).toBe(true)
  expect(await failureOf(bench.open({ connectTimeoutMs: 2500 }).connect())).toMatchObject({
    code: 'DAEMON_SUSPENDED',
    hint: expect.stringContaining(cure),
  })
  expect(await health()).toMatchObject({ pid, parts: [{ cure }] })
})

it('by a debugger: no signal lets it go on, so it hangs', async () => {
  const pid = await startStopped('t')
  expect(isSuspended(pid)).toBe(false)
  expect(await failureOf(bench.open({ connectTimeoutMs: 2500 }).connect())).toMatchObject({
    code: 'DAEMON_START_TIMEOUT',
  })
  expect(await health()).toMatchObject({ pid, parts: [{ cure: expect.stringContaining('tandem restart') }] })
})
