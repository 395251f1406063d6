import { spawnSync } from 'node:child_process'
import { readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createCommandHooks } from './command-hook.ts'
import { codexGone, codexRequestFailed, threadNotLoaded } from './errors.ts'
import { openPlace } from './harness.ts'
import type { Caller } from './caller.ts'
import type { CommandHook } from './command-hook.ts'

const configSchema = z.object({
  hooks: z.object({
    PreToolUse: z.tuple([z.object({ hooks: z.tuple([z.object({ command: z.string() })]) })]),
  }),
})
const commandOf = (hook: CommandHook): string => configSchema.parse(hook.config).hooks.PreToolUse[0].hooks[0].command

/** Stands for an app-server that has one hook, trusted unless said otherwise. */
function listing(hook: () => object): Caller {
  return {
    simple: async () => undefined,
    quick: async (_method, schema) => schema.parse({ data: [{ hooks: [hook()] }] }),
    slow: async (_method, schema) => schema.parse({}),
  }
}

const ask = (command: string, question: unknown): { readonly status: number | null; readonly stdout: string } => {
  const input = typeof question === 'string' ? question : JSON.stringify(question)
  const { status, stdout } = spawnSync('/bin/sh', ['-c', command], { input, encoding: 'utf8' })
  return { status, stdout }
}
const bash = (command: unknown): object => ({ tool_name: 'Bash', tool_input: { command } })

async function openHook(folder: string, trust: object = {}) {
  const state = { command: '' }
  const entry = (): object => ({ command: state.command, enabled: true, trustStatus: 'trusted', ...trust })
  const closed = Promise.withResolvers<void>()
  const hooks = createCommandHooks({ call: listing(entry), folder, closed: closed.promise })
  const hook = await hooks.open()
  hook.attach('thread')
  state.command = commandOf(hook)
  return { hooks, hook, command: state.command, closed }
}

describe('the check before a command', () => {
  test('lets pass what is not denied, and everything while nothing is', async () => {
    await using place = await openPlace()
    const { hooks, command } = await openHook(join(place.stateDir, 'denied commands'))
    expect(ask(command, bash('git push'))).toEqual({ status: 0, stdout: '' })
    await hooks.deny('thread', [['git', 'push']])
    expect(ask(command, bash('git status'))).toEqual({ status: 0, stdout: '' })
    expect(ask(command, { tool_name: 'apply_patch', tool_input: { command: 'git push' } }).stdout).toBe('')
    expect(ask(command, { tool_name: 'mcp__x__y', tool_input: { command: 'git push' } }).stdout).toBe('')
    await hooks.deny('thread', [])
    expect(ask(command, bash('git push'))).toEqual({ status: 0, stdout: '' })
  })

  test('refuses with a reason, the command as a line or as words', async () => {
    await using place = await openPlace()
    const { hooks, command } = await openHook(place.stateDir)
    await hooks.deny('thread', [['git', 'push']])
    for (const asked of ['cd x && git push', ['bash', '-lc', 'git push']]) {
      const { status, stdout } = ask(command, bash(asked))
      expect([status, JSON.parse(stdout)]).toMatchObject([
        0,
        { hookSpecificOutput: { permissionDecision: 'deny', hookEventName: 'PreToolUse' } },
      ])
    }
    expect(ask(command, bash('$(x) git push')).stdout).toContain('does not allow')
    expect(ask(command, bash('echo "git push')).stdout).toContain('cannot be made out')
  })

  test('stops the command when it cannot be made: exit code 2, and no other', async () => {
    await using place = await openPlace()
    const folder = join(place.stateDir, 'own')
    const { hooks, command } = await openHook(folder)
    await hooks.deny('thread', [['git', 'push']])
    for (const question of ['', 'not JSON', '[]', bash(7), { tool_name: 'Bash' }])
      expect([question, ask(command, question).status]).toEqual([question, 2])
    const [process = ''] = await readdir(folder)
    const [file = ''] = await readdir(join(folder, process))
    await writeFile(join(folder, process, file), '{"half')
    expect(ask(command, bash('ls')).status).toBe(2)
    await rm(folder, { recursive: true })
    expect(ask(command, bash('ls')).status).toBe(2)
  })
})

describe('the hooks of one app-server', () => {
  test.each([
    ['is not there', { command: 'another' }],
    ['is switched off', { enabled: false }],
    ['is not trusted', { trustStatus: 'modified' }],
  ])('nothing is denied by one that %s: the turn is refused', async (_, trust) => {
    await using place = await openPlace()
    const { hooks } = await openHook(place.stateDir, trust)
    await expect(hooks.deny('thread', [['rm']])).rejects.toMatchObject({ code: 'CODEX_COMMANDS_UNGUARDED' })
    await hooks.deny('thread', [])
    await expect(hooks.deny('other', [['rm']])).rejects.toMatchObject({ code: 'CODEX_COMMANDS_UNGUARDED' })
    await hooks.deny('other', [])
  })

  test.each([
    ['refuses to list them', codexRequestFailed('hooks/list', -32600, 'no'), 'CODEX_COMMANDS_UNGUARDED'],
    ['ends meanwhile', codexGone('hooks/list', 'exit code 1'), 'CODEX_GONE'],
    ['has put the thread away', threadNotLoaded('thread'), 'CODEX_THREAD_NOT_LOADED'],
  ])('of a Codex that %s nothing is denied, and it is said why', async (_, failure, code) => {
    await using place = await openPlace()
    const call: Caller = { ...listing(() => ({})), quick: () => Promise.reject(failure) }
    const hooks = createCommandHooks({ call, folder: place.stateDir, closed: new Promise(() => undefined) })
    const hook = await hooks.open()
    hook.attach('thread')
    await expect(hooks.deny('thread', [['rm']])).rejects.toMatchObject({ code })
  })

  test('have no place to write to as long as there is none, and say which', async () => {
    await using place = await openPlace()
    const folder = join(place.stateDir, 'own')
    await writeFile(folder, 'in its way')
    const hooks = createCommandHooks({ call: listing(() => ({})), folder, closed: new Promise(() => undefined) })
    const refused = { code: 'CODEX_COMMANDS_UNGUARDED', message: expect.stringContaining(folder) as unknown }
    await expect(hooks.open()).rejects.toMatchObject(refused)
    await expect(hooks.open()).rejects.toMatchObject(refused)
    await rm(folder)
    expect(ask(commandOf(await hooks.open()), bash('ls'))).toEqual({ status: 0, stdout: '' })
  })

  test('of a process that has ended are none any more, and those of the next one stay', async () => {
    await using place = await openPlace()
    const folder = join(place.stateDir, 'own')
    const closed = Promise.withResolvers<void>()
    const late = createCommandHooks({ call: listing(() => ({})), folder, closed: closed.promise })
    closed.resolve()
    const next = await openHook(folder)
    await expect(late.open()).rejects.toMatchObject({ code: 'CODEX_GONE' })
    expect(ask(next.command, bash('ls'))).toEqual({ status: 0, stdout: '' })
  })

  test('a thread keeps its hook; what an earlier process left goes, and our own at the end', async () => {
    await using place = await openPlace()
    const folder = join(place.stateDir, 'own')
    const first = await openHook(folder)
    expect(commandOf(await first.hooks.open('thread'))).toBe(first.command)
    expect(commandOf(await first.hooks.open('another'))).not.toBe(first.command)
    const second = await openHook(folder)
    expect(ask(first.command, bash('ls')).status).toBe(2)
    expect(await readdir(folder)).toHaveLength(1)
    const [file = ''] = await readdir(folder)
    expect((await stat(join(folder, file))).mode & 0o77).toBe(0)
    second.closed.resolve()
    await expect.poll(() => readdir(folder)).toEqual([])
  })
})
