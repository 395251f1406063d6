import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createClient } from '#client'
import type { Client } from '#client'
import { placesOf } from '#contracts'
import type { Caller, ConfigInput, Places } from '#contracts'
import { sleep, systemClock } from '#kernel'
import { claudeEnvFor, codexConfigFor, startScriptedModel } from '#scripted-model'
import { openStoreArm } from './store-arm.ts'
import { commandOf, endProcessesOf, processesOf } from './tandem.ts'
import type { Rule, ScriptedModel } from '#scripted-model'

const root = resolve(import.meta.dirname, '../..')

export interface Output {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A user's machine: home, project, the released programs, the real Codex and Claude Code, a scripted model behind both. */
export interface TandemWorld extends AsyncDisposable {
  readonly folder: string
  readonly project: string
  readonly env: Readonly<Record<string, string>>
  readonly places: Places
  readonly model: ScriptedModel
  /** Runs `bin/tandem`. */
  tandem(args: readonly string[], options?: RunOptions): Promise<Output>
  /** Runs `bin/claude-codex`. */
  claudeCodex(args: readonly string[], options?: RunOptions): Promise<Output>
  /** A client like the commands', which may start the daemon. */
  client(): Client
  /** Kills the daemon that serves now, with -9, and answers its pid. */
  killDaemon(): Promise<number>
  /** Kills the running app-server with -9; false when there is none. */
  killCodex(): Promise<boolean>
  /** Every prompt of a person in Codex's own records, over all threads, in no order. */
  promptsInHistory(): readonly string[]
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly timeoutMs?: number
}

export const caller: Caller = { door: 'socket', client: 'test' }

export async function openTandemWorld(rules: readonly Rule[], config: ConfigInput = {}): Promise<TandemWorld> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-')))
  const model = await startScriptedModel({ scenario: { name: 'world', rules: [...rules] } })
  const rows = await openStoreArm()
  const project = join(folder, 'project')
  for (const part of ['home', 'codex', 'run', 'config', 'state', 'project'])
    mkdirSync(join(folder, part), { mode: 0o700 })
  writeFileSync(join(folder, 'codex', 'config.toml'), codexConfigFor(model.url))
  writeFileSync(
    join(folder, 'config', 'config.toml'),
    tomlOf(rows.url === undefined ? config : { store: { url: rows.url }, ...config }),
  )
  // What the default does not allow: tests let Codex change files.
  writeFileSync(join(folder, 'config', 'policy.toml'), 'max_sandbox = "workspace-write"\n')
  makeRepository(project)
  const env = environmentOf(folder, model)
  const places = placesOf(env, folder)
  const clients: Client[] = []
  const start =
    (program: string) =>
    (args: readonly string[], options: RunOptions = {}) =>
      run(join(root, 'bin', program), args, {
        cwd: project,
        timeoutMs: 60_000,
        ...options,
        env: { ...env, ...options.env },
      })
  const tandem = start('tandem')
  return {
    folder,
    project,
    env,
    places,
    model,
    tandem,
    claudeCodex: start('claude-codex'),
    client() {
      const startDaemon = async (): Promise<void> => void (await tandem(['up']))
      const client = createClient({
        places,
        clock: systemClock,
        identity: { name: 'test', version: '0.0.0' },
        startDaemon,
      })
      clients.push(client)
      return client
    },
    async killDaemon() {
      const { pid } = JSON.parse(readFileSync(places.addressFile, 'utf8'))
      process.kill(pid, 'SIGKILL')
      return pid
    },
    async killCodex() {
      await using client = createClient({ places, clock: systemClock, identity: { name: 'test', version: '0.0.0' } })
      const { codex } = await client.call('status', {}, { caller })
      if (codex.pid === null) return false
      process.kill(codex.pid, 'SIGKILL')
      return true
    },
    promptsInHistory: () => promptsIn(join(folder, 'codex', 'sessions')),
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]()
      await tandem(['down'])
      const left = await endLeftOver(folder)
      await model[Symbol.asyncDispose]()
      await rows[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      if (left.length > 0) throw new Error(`this stayed behind after tandem down: ${left.join('; ')}`)
    },
  }
}

/** What still runs of this world after some seconds, by pid and command; it is ended. */
async function endLeftOver(folder: string): Promise<readonly string[]> {
  const until = performance.now() + patienceMs
  while (processesOf(folder).length > 0 && performance.now() < until) await sleep(50)
  const left = processesOf(folder).map(pid => `${pid} ${commandOf(pid)}`)
  endProcessesOf(folder)
  return left
}

/** For what ends by itself: the supervisor after its daemon, a command whose caller was killed. */
const patienceMs = 10_000

function environmentOf(folder: string, model: ScriptedModel): Record<string, string> {
  return {
    ...claudeEnvFor(model.url),
    PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
    HOME: join(folder, 'home'),
    CODEX_HOME: join(folder, 'codex'),
    TANDEM_STATE_DIR: join(folder, 'state'),
    TANDEM_CONFIG_DIR: join(folder, 'config'),
    TANDEM_RUNTIME_DIR: join(folder, 'run'),
  }
}

function makeRepository(project: string): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  execFileSync('git', ['init', '-q', project])
  writeFileSync(join(project, 'README.md'), '# project\n')
  execFileSync('git', ['-C', project, 'add', '-A'])
  execFileSync('git', ['-C', project, ...identity, 'commit', '-q', '-m', 'first'])
}

/** Tables one deep with plain values: all that a configuration has. */
function tomlOf(config: ConfigInput): string {
  return Object.entries(config)
    .map(([name, table]) => {
      const lines = Object.entries(table ?? {}).map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
      return [`[${name}]`, ...lines, ''].join('\n')
    })
    .join('\n')
}

function run(program: string, args: readonly string[], options: RunOptions): Promise<Output> {
  return new Promise(done => {
    const child = execFile(
      program,
      [...args],
      { cwd: options.cwd, env: options.env, timeout: options.timeoutMs, maxBuffer: 64 * 1024 * 1024 },
      (error, out, err) =>
        done({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, out, err }),
    )
    child.stdin?.end(options.input ?? '')
  })
}

function promptsIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.jsonl'))
  return files.flatMap(name =>
    readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .flatMap(line => promptOf(line)),
  )
}

/** Codex 0.169.0 records the message of a person as an item of type `UserMessage`, beside the model's own form of it. */
function promptOf(line: string): readonly string[] {
  if (!line.includes('"UserMessage"')) return []
  try {
    const { type, payload } = JSON.parse(line)
    if (type !== 'event_msg' || payload.type !== 'item_completed' || payload.item.type !== 'UserMessage') return []
    return payload.item.content.map((part: { readonly text: string }) => part.text)
  } catch {
    // The last line of a file whose writer was killed.
    return []
  }
}
