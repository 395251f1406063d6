import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sandboxFailed, sandboxOpen } from './errors.ts'
import { codexHomeIn } from './round-trip.ts'
import { runBounded } from './run-bounded.ts'
import type { CodexBinary } from '#codex'
import type { Trial } from './round-trip.ts'

/** A real command in the read-only sandbox of Codex: it must run, and must not be able to write. */
export async function lookAtSandbox(binary: CodexBinary, trial: Trial): Promise<string> {
  const { root, signal } = trial
  const env = await codexHomeIn(trial)
  const target = join(root, 'must-not-be-there')
  const script = 'echo ran-inside; : > "$1"'
  const { output, problem } = await runBounded(
    binary.executable,
    ['sandbox', '--', '/bin/sh', '-c', script, 'sh', target],
    {
      cwd: root,
      env,
      timeoutMs: sandboxMs,
      signal,
    },
  )
  const facts = await factsOfMachine()
  if (problem !== undefined || !output.includes('ran-inside'))
    throw sandboxFailed(problem ?? output.trim().split('\n').slice(-2).join(' ').slice(0, 300), facts)
  const wrote = await access(target).then(
    () => true,
    () => false,
  )
  if (wrote) throw sandboxOpen()
  return 'commands run, and cannot write where they may not'
}

/** What decides on Linux whether a sandbox can be made. */
async function factsOfMachine(): Promise<Readonly<Record<string, unknown>>> {
  const [namespaces, apparmor] = await Promise.all([
    numberIn('/proc/sys/user/max_user_namespaces'),
    numberIn('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
  ])
  return { max_user_namespaces: namespaces ?? null, apparmor_restricts: apparmor === 1 }
}

async function numberIn(file: string): Promise<number | undefined> {
  return readFile(file, 'utf8').then(
    text => Number(text.trim()),
    () => undefined,
  )
}

const sandboxMs = 30_000
