import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { appServerResults as results } from '#contracts'
import { AppError, messageOf, shellWord } from '#kernel'
import { codexGone, commandsUnguarded, commandsUnwritten } from './errors.ts'
import type { Caller } from './caller.ts'
import type { DeniedCommand } from './denied-commands.ts'
import type { CodexConfig } from './thread-config.ts'

/** What Codex asks before it starts a command of one thread. */
export interface CommandHook {
  /** For the `config` of the thread. */
  readonly config: CodexConfig
  /** What it shall be asked of from now on in this thread. */
  attach(threadId: string): void
}

export interface CommandHooks {
  /** `threadId`: the thread may be open in this process already, and then keeps the hook that it has. */
  open(threadId?: string): Promise<CommandHook>
  /** Holds for all commands that the thread starts from now on. CODEX_COMMANDS_UNGUARDED when Codex would not ask. */
  deny(threadId: string, denied: readonly DeniedCommand[]): Promise<void>
}

interface Gate {
  readonly file: string
  readonly command: string
  /** What stands in the file. */
  rules: string
  isChecked: boolean
}

/**
 * Codex (0.169.0) asks a `PreToolUse` hook before each command, and starts none that it refuses. A hook runs only when it is trusted
 * by the hash of its definition; those of a thread's own `config` may bring their trust along. The hook is the same for the
 * whole life of a thread and reads a file, because what is denied may be another thing for each turn: empty stands for nothing, and is answered
 * without starting Node. Without the file, or when anything else goes wrong, no command runs: exit code 2 is the only one that stops one.
 */
export function createCommandHooks(deps: {
  readonly call: Caller
  readonly folder: string
  readonly closed: Promise<unknown>
}): CommandHooks {
  const own = randomUUID()
  // As many as the process has threads.
  const gates = new Map<string, Gate>()
  let ready: Promise<void> | undefined
  let isClosed = false
  void deps.closed
    .then(() => {
      isClosed = true
      return rm(join(deps.folder, own), { recursive: true, force: true })
    })
    .catch(() => undefined /* The next process removes it. */)

  /** Once; one that failed is tried again by whoever comes next. */
  function prepared(): Promise<void> {
    ready ??= prepare().catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }

  /** What processes of an earlier life left: one that still dies finds no file, so its commands are stopped. */
  async function prepare(): Promise<void> {
    await mkdir(join(deps.folder, own), { recursive: true, mode: 0o700 })
    const others = (await readdir(deps.folder)).filter(name => name !== own)
    // By now there may be a next process, with files that it needs.
    if (isClosed) return
    await Promise.all(others.map(name => rm(join(deps.folder, name), { recursive: true, force: true })))
  }

  async function make(): Promise<Gate> {
    if (isClosed) throw codexGone('a thread', 'it has ended')
    const file = join(deps.folder, own, randomUUID())
    await written(file, async () => {
      await prepared()
      await writeFile(file, '', { mode: 0o600 })
    })
    return { file, command: commandOf(file), rules: '', isChecked: false }
  }

  return {
    async open(threadId) {
      const gate = (threadId === undefined ? undefined : gates.get(threadId)) ?? (await make())
      return { config: { hooks: hooksOf(gate.command) }, attach: opened => void gates.set(opened, gate) }
    },
    async deny(threadId, denied) {
      const gate = gates.get(threadId)
      const rules = denied.length === 0 ? '' : JSON.stringify(denied)
      if (gate === undefined) {
        if (rules === '') return
        throw commandsUnguarded('the thread was opened without the check')
      }
      if (rules !== '' && !gate.isChecked) await check(deps.call, threadId, gate)
      gate.isChecked ||= rules !== ''
      if (gate.rules === rules) return
      // In one step: a command may be asked about at this moment.
      await written(gate.file, async () => {
        await writeFile(`${gate.file}.new`, rules, { mode: 0o600 })
        await rename(`${gate.file}.new`, gate.file)
      })
      gate.rules = rules
    },
  }
}

async function written(file: string, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    throw commandsUnwritten(file, error)
  }
}

/** Settings of the user, the machine or a repository can keep hooks from running. */
async function check(call: Caller, threadId: string, gate: Gate): Promise<void> {
  const listed = await call.quick('hooks/list', results['hooks/list'], { threadId }).catch((error: unknown) => {
    throw isRefusal(error) ? commandsUnguarded(messageOf(error), error) : error
  })
  const hook = listed.data.flatMap(place => place.hooks).find(each => each.command === gate.command)
  if (hook === undefined) throw commandsUnguarded('hooks are switched off')
  if (!hook.enabled) throw commandsUnguarded('its hook is switched off')
  if (hook.trustStatus !== 'trusted') throw commandsUnguarded(`its hook is ${hook.trustStatus}`)
}

/** Anything else (it has ended, it is busy, it has put the thread away) says nothing of its hooks. */
function isRefusal(error: unknown): boolean {
  return error instanceof AppError && ['CODEX_REQUEST_FAILED', 'CODEX_ANSWER_MALFORMED'].includes(error.code)
}

/** Codex gives it to the user's shell, whichever that is: so one plain command, without characters that shells differ in. */
function commandOf(file: string): string {
  const script = '[ -e "$3" ] && [ ! -s "$3" ] && exit 0; { cat "$3" && echo && cat; } | "$1" "$2" || exit 2'
  const words = [process.execPath, gateFile(), file].map(shellWord)
  return `/bin/sh -c '${script}' sh ${words.join(' ')}`
}

function hooksOf(command: string): object {
  const handler = { async: false, command, timeout: timeoutSeconds, type: 'command' }
  return {
    PreToolUse: [{ hooks: [handler] }],
    state: { [hookKey]: { enabled: true, trusted_hash: trustedHash(handler) } },
  }
}

/** As Codex computes it: over its definition as JSON, members in the order of their names. */
function trustedHash(handler: object): string {
  const definition = JSON.stringify({ event_name: 'pre_tool_use', hooks: [handler] })
  return `sha256:${createHash('sha256').update(definition).digest('hex')}`
}

/** The name of the first hook of a thread's own `config`. */
const hookKey = '/<session-flags>/config.toml:pre_tool_use:0:0'

/** When it is over the command runs: far longer than it takes on the busiest machine. */
const timeoutSeconds = 600

/** From source the program is TypeScript beside this file; in a release it is a bundle of its own beside this one. */
function gateFile(): string {
  const name = import.meta.url.endsWith('.ts') ? './command-gate.ts' : './command-gate.js'
  return fileURLToPath(new URL(name, import.meta.url))
}
