import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { claudeEnvFor, codexConfigFor, scenario, startScriptedModel } from '#scripted-model'
import type { ChildProcess } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { RecordedRequest, Rule, ScriptedModel } from '#scripted-model'
import type { StandInCall } from './stand-in-verbs.ts'

const root = resolve(import.meta.dirname, '../..')
const binaries = join(root, 'node_modules/.bin')

export interface Run {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly err: string
}

/** A machine of its own for `claude-codex`: home, project, a scripted model behind Claude (and Codex), everything stopped and removed at the end. */
export interface ClaudeWorld extends AsyncDisposable {
  readonly home: string
  readonly project: string
  readonly model: ScriptedModel
  readonly env: Readonly<Record<string, string>>
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Run>
  start(args: readonly string[]): ChildProcess
  /** What was asked of the played verbs. */
  calls(): Promise<readonly StandInCall[]>
}

/** Claude Code is the real one. `stand-in`: its `tandem` has the real doors on played verbs. `real`: the bundle with daemon and Codex. */
export async function openClaudeWorld(
  rules: readonly Rule[],
  tandem: 'stand-in' | 'real' = 'stand-in',
): Promise<ClaudeWorld> {
  const home = await mkdtemp(join(tmpdir(), 'tandem-claude-'))
  const project = join(home, 'project')
  await mkdir(project)
  const model = await startScriptedModel({ scenario: scenario('claude', rules) })
  const programs = tandem === 'real' ? await realPrograms(home, model.url) : await standInPrograms(home)
  const env = {
    ...claudeEnvFor(model.url),
    ...programs.env,
    HOME: home,
    PATH: `${binaries}:${process.env['PATH'] ?? ''}`,
  }
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess =>
    spawn(programs.file, [...programs.args, ...args], {
      cwd: project,
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    })
  return {
    home,
    project,
    model,
    env,
    start,
    run: async (args, more) => resultOf(start(args, more)),
    calls: () => callsIn(join(home, 'calls.jsonl')),
    async [Symbol.asyncDispose]() {
      if (tandem === 'real') await promisify(execFile)(join(root, 'bin/tandem'), ['down'], { env })
      await model[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

interface Programs {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

async function standInPrograms(home: string): Promise<Programs> {
  const env = { TANDEM_STAND_IN: home, TANDEM_STAND_IN_PACKAGE: await makePackage(join(home, 'package')) }
  return { file: process.execPath, args: [join(root, 'test/support/stand-in-launcher.ts')], env }
}

async function realPrograms(home: string, url: string): Promise<Programs> {
  const codexHome = join(home, 'codex')
  await mkdir(codexHome)
  await writeFile(join(codexHome, 'config.toml'), codexConfigFor(url))
  return { file: join(root, 'bin/claude-codex'), args: [], env: { CODEX_HOME: codexHome } }
}

export async function resultOf(child: ChildProcess): Promise<Run> {
  const ended = once(child, 'close')
  const [out, err] = await Promise.all([textOf(child.stdout), textOf(child.stderr)])
  const [code, signal] = (await ended) as [number | null, string | null]
  return { code, signal, out, err }
}

const textOf = async (stream: Readable | null): Promise<string> => (stream === null ? '' : text(stream))

/** What the model is shown last of a kind: the texts of the last user message, or the results of tools. */
export function shownTo(request: RecordedRequest | undefined): {
  readonly texts: string
  readonly results: readonly string[]
} {
  const messages = (request?.body?.['messages'] ?? []) as readonly {
    readonly role: string
    readonly content: unknown
  }[]
  const blocks = messages
    .filter(message => message.role === 'user')
    .flatMap(({ content }) => (typeof content === 'string' ? [{ type: 'text', text: content }] : (content as Block[])))
  return {
    texts: blocks.map(block => block.text ?? '').join('\n'),
    results: blocks.filter(block => block.type === 'tool_result').map(block => textOfResult(block.content)),
  }
}

/** The requests in which Claude works for the person: not those that it makes for itself. */
export function mainRequests(model: ScriptedModel): readonly RecordedRequest[] {
  return model.requests.filter(
    ({ dialect, body }) => dialect === 'messages' && Array.isArray(body?.['tools']) && body['tools'].length > 0,
  )
}

interface Block {
  readonly type: string
  readonly text?: string
  readonly content?: unknown
}

function textOfResult(content: unknown): string {
  if (typeof content === 'string') return content
  return (content as readonly Block[]).map(block => block.text ?? '').join('\n')
}

/** A package as it is installed, except that its `tandem` plays the daemon. */
async function makePackage(dir: string): Promise<string> {
  await cp(join(root, 'plugin'), join(dir, 'plugin'), { recursive: true })
  await mkdir(join(dir, 'bin'))
  const tandem = join(dir, 'bin/tandem')
  const program = join(root, 'test/support/stand-in-tandem.ts')
  await writeFile(tandem, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`)
  await chmod(tandem, 0o755)
  return dir
}

async function callsIn(file: string): Promise<readonly StandInCall[]> {
  const lines = await readFile(file, 'utf8').catch(() => '')
  return lines
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as StandInCall)
}
