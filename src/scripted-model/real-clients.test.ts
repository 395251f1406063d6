import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import {
  applyPatch,
  callTool,
  claudeEnvFor,
  codexConfigFor,
  failWith,
  newFilePatch,
  rule,
  say,
  scenario,
  shell,
  startScriptedModel,
} from './index.ts'
import type { Rule, ScriptedModel } from './index.ts'

const limit = 60_000
const binaries = resolve(import.meta.dirname, '../../node_modules/.bin')

/** A home and a working directory of its own; removed at the end. */
async function openPlace(): Promise<AsyncDisposable & { readonly home: string; readonly work: string }> {
  const home = await mkdtemp(join(tmpdir(), 'scripted-'))
  const work = join(home, 'work')
  await mkdir(work)
  return { home, work, [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true, maxRetries: 5 }) }
}

interface Run {
  readonly code: unknown
  readonly out: string
  readonly err: string
}

async function run(command: string, args: readonly string[], cwd: string, env: Record<string, string>): Promise<Run> {
  const path = [binaries, process.env['PATH'] ?? ''].join(delimiter)
  const child = spawn(command, args, {
    cwd,
    env: { PATH: path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limit - 5000,
  })
  const ended = once(child, 'close')
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  return { code, out, err }
}

/** Short enough to read when it differs: a whole request is 80 KB. */
function linesOf(server: ScriptedModel): readonly string[] {
  return server.requests.map(({ rule: name, outcome, lastText }) => `${name ?? 'no rule'} ${outcome} ${lastText}`)
}

type Client = (prompt: string, ...flags: string[]) => Promise<Run>

async function withCodex(
  model: string,
  rules: readonly Rule[],
  use: (codex: Client, work: string, server: ScriptedModel) => Promise<void>,
) {
  await using server = await startScriptedModel({ scenario: scenario('codex', rules) })
  await using place = await openPlace()
  await writeFile(join(place.home, 'config.toml'), codexConfigFor(server.url, { model }))
  await writeFile(join(place.work, 'AGENTS.md'), 'Never say goodbye.')
  const flags = ['exec', '--skip-git-repo-check', '--sandbox=workspace-write']
  const env = { HOME: place.home, CODEX_HOME: place.home }
  await use((prompt, ...more) => run('codex', [...flags, ...more, prompt], place.work, env), place.work, server)
}

async function withClaude(
  rules: readonly Rule[],
  use: (claude: Client, work: string, server: ScriptedModel) => Promise<void>,
) {
  await using server = await startScriptedModel({ scenario: scenario('claude', rules) })
  await using place = await openPlace()
  await writeFile(join(place.work, 'CLAUDE.md'), 'Never say goodbye.')
  const env = { HOME: place.home, ...claudeEnvFor(server.url) }
  await use((prompt, ...more) => run('claude', ['-p', prompt, ...more], place.work, env), place.work, server)
}

describe.each(['gpt-5.5', 'gpt-5.6-sol'])('codex exec with %s', model => {
  test('says what the scenario says, and nothing else reaches the server', { timeout: limit }, async () => {
    await withCodex(
      model,
      [rule('hi', { lastText: '/^say hi$/', turn: 0 }, [say('hello from the script')])],
      async (codex, _, server) => {
        const { code, out } = await codex('say hi')
        expect([code, out.trim()]).toEqual([0, 'hello from the script'])
        expect(linesOf(server)).toEqual(['hi played say hi'])
      },
    )
  })

  test('runs a shell command and gives its result to the next turn', { timeout: limit }, async () => {
    const rules = [
      rule('run', { lastText: '/^run (.+)$/', sincePrompt: 0 }, [
        { reasoning: 'a command' },
        say('I run it.'),
        shell('{{match.1}}'),
      ]),
      rule('tell', { lastToolResult: '/(\\d+) apples/', sincePrompt: 1 }, [say('there are {{match.1}}')]),
    ]
    await withCodex(model, rules, async (codex, _, server) => {
      const { out } = await codex('run echo $((40 + 2)) apples')
      expect(out.trim()).toBe('there are 42')
      expect(server.requests.map(request => request.rule)).toEqual(['run', 'tell'])
    })
  })

  test('applies a patch', { timeout: limit }, async () => {
    const rules = [
      rule('patch', { turn: 0 }, [applyPatch(newFilePatch('login.txt', ['one', 'two']))]),
      rule('done', { turn: 1 }, [say('patched')]),
    ]
    await withCodex(model, rules, async (codex, work) => {
      const { out } = await codex('add a file')
      expect(out.trim()).toBe('patched')
      expect(await readFile(join(work, 'login.txt'), 'utf8')).toBe('one\ntwo\n')
    })
  })

  test('reports an error of the scenario', { timeout: limit }, async () => {
    await withCodex(
      model,
      [rule('no', {}, [failWith(400, 'the script says no', { code: 'invalid_prompt' })])],
      async (codex, _, server) => {
        const { code, err } = await codex('say hi')
        expect(code).toBe(1)
        expect(err).toContain('the script says no')
        expect(linesOf(server)).toEqual(['no error say hi'])
      },
    )
  })
})

describe('claude -p', () => {
  test('says what the scenario says, and nothing else reaches the server', { timeout: limit }, async () => {
    await withClaude(
      [rule('hi', { lastText: '/^say hi$/', turn: 0 }, [{ reasoning: 'hm' }, say('hello from the script')])],
      async (claude, _, server) => {
        const { code, out } = await claude('say hi', '--output-format=json')
        expect(code).toBe(0)
        expect(JSON.parse(out)).toMatchObject({ result: 'hello from the script', is_error: false })
        expect(linesOf(server)).toEqual(['hi played say hi'])
      },
    )
  })

  test('writes a file and runs a command', { timeout: limit }, async () => {
    const rules = [
      rule('write', { turn: 0, lastText: '/^write (\\S+)$/' }, [
        callTool('Write', { file_path: '{{match.1}}', content: 'written\n' }),
      ]),
      rule('check', { turn: 1, lastToolResult: 'success' }, [shell('cat notes.txt')]),
      rule('done', { turn: 2 }, [say('it says: {{toolResult}}')]),
    ]
    await withClaude(rules, async (claude, work, server) => {
      const { out } = await claude(`write ${join(work, 'notes.txt')}`, '--allowedTools=Write,Bash')
      expect(out.trim()).toBe('it says: written')
      expect(await readFile(join(work, 'notes.txt'), 'utf8')).toBe('written\n')
      expect(server.requests.map(request => request.rule)).toEqual(['write', 'check', 'done'])
    })
  })

  // With 400 it takes away its beta flags one by one: six requests.
  test('reports an error of the scenario', { timeout: limit }, async () => {
    await withClaude([rule('no', {}, [failWith(402, 'the script says no')])], async (claude, _, server) => {
      const { code, out } = await claude('say hi')
      expect(code).toBe(1)
      expect(out).toContain('the script says no')
      expect(linesOf(server)).toEqual(['no error say hi'])
    })
  })

  test('asks again without a stream when a stream is malformed', { timeout: limit }, async () => {
    const rules = [
      rule('broken', { stream: true }, [{ malformed: true }]),
      rule('plain', { stream: false }, [say('plain answer')]),
    ]
    await withClaude(rules, async (claude, _, server) => {
      const { out } = await claude('say hi')
      expect(out.trim()).toBe('plain answer')
      expect(server.requests.map(request => request.rule)).toEqual(['broken', 'plain'])
    })
  })
})
