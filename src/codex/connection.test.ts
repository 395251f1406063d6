import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyPatch, callTool, failWith, newFilePatch, rule, say, scenario, shell } from '#scripted-model'
import { environmentOf, eventually, hostIn, openPlace, realCodex, startRealCodex, watch } from './harness.ts'
import { isSignOfModel, readProfile } from './index.ts'
import type { Rule, Step } from '#scripted-model'
import type { RealCodex } from './harness.ts'
import type { CodexConnection, ThreadSettings, TurnInput } from './index.ts'

/* The real program, on a scripted model. */

const gated = (name: string): Step => ({ gate: name })
const onPrompt = (text: string, ...steps: readonly Step[]): Rule =>
  rule(text, { lastText: text, sincePrompt: 0 }, steps)
const runs = (prompt: string, command: string): readonly Rule[] => [
  rule(`${prompt} result`, { anyText: prompt, sincePrompt: 1 }, [say('ran')]),
  onPrompt(prompt, shell(command)),
]

const settingsOf = (codex: RealCodex): ThreadSettings => ({ cwd: codex.place.work, sandbox: 'read-only' })
const turnOn = (codex: RealCodex, threadId: string, text: string): TurnInput => ({
  threadId,
  clientMessageId: `turn_${text.replaceAll(' ', '_')}`,
  text,
  cwd: codex.place.work,
  sandbox: 'read-only',
})

async function begin(codex: RealCodex, text: string, settings: Partial<ThreadSettings> = {}) {
  const connection = await codex.connect()
  const seen = watch(connection)
  const { threadId } = await connection.startThread({ ...settingsOf(codex), ...settings })
  const { codexTurnId } = await connection.startTurn({ ...turnOn(codex, threadId, text), ...onlyTurn(settings) })
  return { connection, seen, threadId, codexTurnId }
}

const onlyTurn = ({ sandbox, approvalPolicy }: Partial<ThreadSettings>) => ({
  ...(sandbox === undefined ? {} : { sandbox }),
  ...(approvalPolicy === undefined ? {} : { approvalPolicy }),
})

/** Command lines of all processes that hold the text. */
function commandsWith(text: string): readonly string[] {
  const lines = readdirSync('/proc').flatMap(pid => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : []
    } catch {
      // It ended while we looked.
      return []
    }
  })
  return lines.filter(line => line.includes(text))
}

/** A duration nobody else sleeps for. */
const uniqueSleep = (): string => `sleep ${1000 + Math.floor(Math.random() * 1_000_000)}.5`

const isCommand = (event: { readonly item: { readonly kind: string } }): boolean => event.item.kind === 'command'

describe('a turn', () => {
  test('streams its text, ends, tells what it used and comes back in the history under our id', async () => {
    const rules = [onPrompt('hello', { text: 'good day to you', chunks: 3 })]
    await using codex = await startRealCodex(scenario('turn', rules))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'hello')
    expect(await seen.until('turn-completed')).toEqual({
      kind: 'turn-completed',
      threadId,
      codexTurnId,
      status: 'completed',
      error: null,
    })
    const deltas = seen.events.flatMap(event => (event.kind === 'text-delta' ? [event.delta] : []))
    expect([deltas.length > 1, deltas.join('')]).toEqual([true, 'good day to you'])
    const { usage } = await seen.until('token-usage')
    expect(usage.total).toEqual(usage.last)
    expect(usage.last.totalTokens).toBeGreaterThan(0)
    expect(await connection.readThread(threadId)).toMatchObject({
      isComplete: true,
      turns: [
        {
          codexTurnId,
          status: 'completed',
          clientMessageIds: ['turn_hello'],
          items: [
            { kind: 'user-message', text: 'hello' },
            { kind: 'agent-message', text: 'good day to you' },
          ],
        },
      ],
    })
    expect(connection.counts).toMatchObject({ malformedLines: 0, malformedMessages: 0 })
    expect(connection.version).toBe('0.169.0')
  })

  test('shows no sign of the model before the model has answered', async () => {
    const rules = [onPrompt('wait', gated('answer'), { reasoning: 'let me think' }, say('done'))]
    await using codex = await startRealCodex(scenario('signs', rules))
    const { seen } = await begin(codex, 'wait')
    await codex.model.waitForRequest(() => true, { timeoutMs: 10_000 })
    await seen.until('item-completed')
    expect(seen.events.filter(isSignOfModel)).toEqual([])
    codex.model.release('answer')
    await seen.until('turn-completed')
    expect(seen.events.find(isSignOfModel)).toMatchObject({ kind: 'item-started', item: { kind: 'reasoning' } })
    expect(seen.events.flatMap(event => (event.kind === 'reasoning-delta' ? [event.delta] : [])).join('')).toContain(
      'let me',
    )
  })

  test('sends model, effort and schema upstream, and our name as originator', async () => {
    await using codex = await startRealCodex(scenario('upstream', [onPrompt('json', say('{"a":1}'))]), {
      client: { name: 'tandem-test', version: '1.2.3' },
    })
    const connection = await codex.connect()
    using seen = watch(connection)
    const { threadId } = await connection.startThread({ ...settingsOf(codex), developerInstructions: 'be brief' })
    const outputSchema = {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    }
    await connection.startTurn({
      ...turnOn(codex, threadId, 'json'),
      model: 'gpt-5.6-sol',
      effort: 'high',
      outputSchema,
    })
    await seen.until('turn-completed')
    const [request] = codex.model.requests
    expect(request?.headers).toMatchObject({ originator: 'tandem-test' })
    const body = JSON.stringify(request?.body)
    expect(body).toContain('"model":"gpt-5.6-sol"')
    expect(body).toContain('"effort":"high"')
    expect(body).toContain('be brief')
    expect(body).toContain('json_schema')
  })

  test('reports a failing upstream: its retries first, then a typed error', async () => {
    const rules = [onPrompt('fail', failWith(400, 'too long', { code: 'context_length_exceeded' }))]
    await using codex = await startRealCodex(scenario('failing', [...rules, onPrompt('busy', failWith(503, 'down'))]))
    const { connection, seen, threadId } = await begin(codex, 'fail')
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'failed' })
    expect((await seen.until('error')).error.message).not.toBe('')
    const { codexTurnId } = await connection.startTurn(turnOn(codex, threadId, 'busy'))
    expect((await seen.until('retrying')).error).toMatchObject({ httpStatus: 503 })
    await connection.interruptTurn({ threadId, codexTurnId })
    expect(await seen.until('turn-completed', event => event.codexTurnId === codexTurnId)).toMatchObject({
      status: 'interrupted',
    })
  })

  test('tells which files it changed', async () => {
    const patch = newFilePatch('new.txt', ['one', 'two'])
    const rules = [rule('patched', { sincePrompt: 1 }, [say('done')]), onPrompt('patch', applyPatch(patch))]
    await using codex = await startRealCodex(scenario('patch', rules))
    const { seen } = await begin(codex, 'patch', { sandbox: 'workspace-write' })
    await seen.until('turn-completed')
    expect(await seen.until('item-completed', event => event.item.kind === 'file-change')).toMatchObject({
      item: { status: 'completed', changes: [{ change: 'add', path: join(codex.place.work, 'new.txt') }] },
    })
    expect((await seen.until('diff-updated')).diff).toContain('+two')
  })
})

describe('control of a turn', () => {
  test('interrupting it and cleaning up ends the command that it was running', async () => {
    const command = uniqueSleep()
    await using codex = await startRealCodex(scenario('interrupt', runs('run it', command)))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'run it')
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    await connection.interruptTurn({ threadId, codexTurnId })
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'interrupted' })
    expect(commandsWith(command)).not.toEqual([])
    await connection.cleanBackgroundTerminals(threadId)
    await eventually('the command is gone', () => commandsWith(command).length === 0)
    await expect(connection.interruptTurn({ threadId, codexTurnId })).rejects.toMatchObject({
      code: 'CODEX_NO_ACTIVE_TURN',
    })
  })

  test('steering reaches the running turn only, and says so otherwise', async () => {
    const rules = [
      rule('steered', { lastText: 'more' }, [say('with more')]),
      onPrompt('start', shell('true'), gated('go')),
    ]
    await using codex = await startRealCodex(scenario('steer', rules))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'start')
    await codex.model.waitForRequest(() => true, { timeoutMs: 10_000 })
    const wrong = { threadId, codexTurnId: '01a1fbae-ae3d-7982-a298-2c79c3235899', text: 'x' }
    await expect(connection.steerTurn(wrong)).rejects.toMatchObject({ code: 'CODEX_WRONG_TURN' })
    await connection.steerTurn({ threadId, codexTurnId, text: 'more', clientMessageId: 'steer_1' })
    codex.model.release('go')
    await seen.until('turn-completed')
    expect((await connection.readThread(threadId)).turns[0]).toMatchObject({
      status: 'completed',
      clientMessageIds: ['turn_start', 'steer_1'],
    })
    const idle = connection.steerTurn({ threadId, codexTurnId, text: 'late' })
    await expect(idle).rejects.toMatchObject({ code: 'CODEX_NO_ACTIVE_TURN' })
    const elsewhere = connection.steerTurn({ ...wrong, threadId: wrong.codexTurnId })
    await expect(elsewhere).rejects.toMatchObject({ code: 'CODEX_THREAD_NOT_LOADED' })
  })

  test('what Codex asks of us is declined with a reason, and the turn goes on', async () => {
    const escalated = { cmd: 'touch out', sandbox_permissions: 'require_escalated', justification: 'please' }
    const rules = [
      rule('answered', { sincePrompt: 1 }, [say('then not')]),
      onPrompt('ask', callTool('exec_command', escalated)),
    ]
    await using codex = await startRealCodex(scenario('asks', rules))
    const { seen, threadId, codexTurnId } = await begin(codex, 'ask', { approvalPolicy: 'on-request' })
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'completed' })
    expect(await seen.until('server-request')).toMatchObject({
      method: 'item/commandExecution/requestApproval',
      threadId,
      codexTurnId,
      reason: expect.stringContaining('switched off') as unknown,
    })
    expect(await seen.until('item-completed', isCommand)).toMatchObject({ item: { status: 'declined' } })
  })
})

describe('threads', () => {
  test('one that never ran is lost to the next process', async () => {
    await using codex = await startRealCodex(scenario('lost', []))
    const connection = await codex.connect()
    const { threadId } = await connection.startThread(settingsOf(codex))
    expect(await resumeError(connection, codex, threadId)).toBe('CODEX_THREAD_LOST')
    await codex.host.restart('test')
    const next = await codex.connect()
    expect(next.generation).toBe(connection.generation + 1)
    expect(await resumeError(next, codex, threadId)).toBe('CODEX_THREAD_LOST')
    expect(await resumeError(next, codex, 'not-an-id')).toBe('CODEX_THREAD_LOST')
    await expect(next.readThread(threadId)).rejects.toMatchObject({ code: 'CODEX_THREAD_LOST' })
    await expect(next.startTurn(turnOn(codex, threadId, 'x'))).rejects.toMatchObject({
      code: 'CODEX_THREAD_NOT_LOADED',
    })
  })

  test('one that another process has open is waited for, with a limit', async () => {
    await using codex = await startRealCodex(scenario('held', [rule('any', {}, [say('hi')])]))
    const { seen, threadId } = await begin(codex, 'hello')
    await seen.until('turn-completed')
    await using elsewhere = await openPlace()
    const env = environmentOf(codex.place)
    const limits = { writerWaitMs: 300 }
    await using other = await hostIn(elsewhere, await realCodex(), { env, limits })
    const second = await other.connection({ timeoutMs: 15_000 })
    expect(await resumeError(second, codex, threadId)).toBe('CODEX_THREAD_HELD')
    expect((await second.readThread(threadId)).turns).toHaveLength(1)
    await codex.host[Symbol.asyncDispose]()
    const history = await second.resumeThread(threadId, settingsOf(codex), { maxTurns: 1 })
    expect(history).toMatchObject({
      isComplete: true,
      turns: [{ status: 'completed', clientMessageIds: ['turn_hello'] }],
    })
  })

  test('an archived one is taken out of use, and comes back', async () => {
    await using codex = await startRealCodex(scenario('archive', [rule('any', {}, [say('hi')])]))
    const { connection, seen, threadId } = await begin(codex, 'hello')
    await seen.until('turn-completed')
    await connection.archiveThread(threadId)
    expect(await resumeError(connection, codex, threadId)).toBe('CODEX_THREAD_ARCHIVED')
    await connection.unarchiveThread(threadId)
    expect((await connection.resumeThread(threadId, settingsOf(codex))).turns).toHaveLength(1)
  })

  test('the catalogue of models is known without a network', async () => {
    await using codex = await startRealCodex(scenario('models', []))
    const models = await (await codex.connect()).listModels()
    expect(models.find(model => model.id === 'gpt-5.5')?.efforts).toEqual(['low', 'medium', 'high', 'xhigh'])
    expect(models.filter(model => model.isDefault)).toHaveLength(1)
  })

  const resumeError = (connection: CodexConnection, codex: RealCodex, threadId: string): Promise<unknown> =>
    connection.resumeThread(threadId, settingsOf(codex)).then(
      () => 'resumed',
      (error: unknown) => (error as { readonly code: unknown }).code,
    )
})

describe('after a kill -9 of the app-server', () => {
  test('the connection closes with the reason, and the next one knows the cut turn by our id', async () => {
    const command = uniqueSleep()
    const rules = [
      ...runs('second', command),
      rule('first', { lastText: 'first' }, [say('one')]),
      rule('third', { lastText: 'third' }, [say('three')]),
    ]
    await using codex = await startRealCodex(scenario('killed', rules), { limits: { firstDelayMs: 10 } })
    const { connection, seen, threadId } = await begin(codex, 'first')
    await seen.until('turn-completed')
    await connection.startTurn(turnOn(codex, threadId, 'second'))
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    // Stopped first, so that it cannot answer before it dies.
    process.kill(connection.pid, 'SIGSTOP')
    const pending = connection.listModels().catch((error: unknown) => error)
    process.kill(connection.pid, 'SIGKILL')
    expect(await connection.closed).toMatchObject({ kind: 'exited', code: null, signal: 'SIGKILL' })
    expect(await pending).toMatchObject({ code: 'CODEX_GONE' })
    await expect(connection.listModels()).rejects.toMatchObject({ code: 'CODEX_GONE' })
    expect(codex.host.state.kind).toBe('backing-off')

    const next = await codex.connect()
    const seenNext = watch(next)
    const history = await next.resumeThread(threadId, settingsOf(codex))
    expect(history.turns.map(turn => [turn.status, turn.clientMessageIds])).toEqual([
      ['completed', ['turn_first']],
      ['interrupted', ['turn_second']],
    ])
    await next.startTurn(turnOn(codex, threadId, 'third'))
    expect(await seenNext.until('turn-completed')).toMatchObject({ status: 'completed' })
    await eventually('the command is gone', () => commandsWith(command).length === 0)
  })

  test('commands outside of the sandbox end with it, those that left their session too', async () => {
    const command = uniqueSleep()
    const rules = runs('run it', `${command} & setsid ${command} & ${command}`)
    await using codex = await startRealCodex(scenario('orphans', rules))
    const { connection, seen } = await begin(codex, 'run it', { sandbox: 'danger-full-access' })
    await seen.until('item-started', isCommand)
    await eventually('the commands run', () => commandsWith(command).length >= 3)
    process.kill(connection.pid, 'SIGKILL')
    expect(await connection.closed).toMatchObject({ kind: 'exited', signal: 'SIGKILL' })
    await eventually('the commands are gone', () => commandsWith(command).length === 0)
  })

  test('a message that reached the model is always in the history', async () => {
    await using codex = await startRealCodex(scenario('durable', [onPrompt('keep me', gated('never'))]), {
      limits: { firstDelayMs: 10, maxCrashes: 100 },
    })
    for (let round = 0; round < 3; round += 1) {
      const before = codex.model.requests.length
      const { connection, threadId } = await begin(codex, 'keep me')
      await codex.model.waitForRequest(request => codex.model.requests.indexOf(request) >= before, {
        timeoutMs: 10_000,
      })
      process.kill(connection.pid, 'SIGKILL')
      await connection.closed
      const history = await (await codex.connect()).resumeThread(threadId, settingsOf(codex))
      expect(history.turns).toMatchObject([{ status: 'interrupted', clientMessageIds: ['turn_keep_me'] }])
    }
  })
})

describe('a stopped process', () => {
  test('counts as hung when a request gets nothing at all, is killed with its commands, and replaced', async () => {
    const command = uniqueSleep()
    await using codex = await startRealCodex(scenario('hung', runs('run it', command)), {
      limits: { requestTimeoutMs: 1000, firstDelayMs: 10 },
    })
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'run it')
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    process.kill(connection.pid, 'SIGSTOP')
    const asked = connection.interruptTurn({ threadId, codexTurnId })
    await expect(asked).rejects.toMatchObject({ code: 'CODEX_HUNG', kind: 'timeout' })
    expect(await connection.closed).toMatchObject({ kind: 'hung', method: 'turn/interrupt' })
    await eventually('the command is gone', () => commandsWith(command).length === 0)
    expect((await codex.connect()).generation).toBe(connection.generation + 1)
  })
})

describe('what a worker gets', () => {
  test('commands see no key, however the provider names it', async () => {
    const rules = [rule('seen', { sincePrompt: 1 }, [say('seen')]), onPrompt('look', shell('env'))]
    const secrets = {
      PROVIDER_ACCESS: 'secret-1',
      OPENAI_API_KEY: 'secret-2',
      SOME_TOKEN: 'secret-3',
      HEADER_VALUE: 'secret-4',
    }
    await using place = await openPlace()
    const config = 'env_key = "PROVIDER_ACCESS"\nenv_http_headers = { "x-team" = "HEADER_VALUE" }\n'
    await using codex = await startRealCodex(scenario('env', rules), {
      config: `${config}[shell_environment_policy]\nexclude = ["USERS_OWN"]\nignore_default_excludes = true\n`,
      env: { ...environmentOf(place), ...secrets, USERS_OWN: 'secret-5', HARMLESS: 'visible' },
    })
    // The home of the other place has no configuration: point both at the one that has.
    await writeFile(join(place.codexHome, 'config.toml'), readFileSync(join(codex.place.codexHome, 'config.toml')))
    const { seen } = await begin(codex, 'look')
    await seen.until('turn-completed')
    const { item } = await seen.until('item-completed', isCommand)
    const output = item.kind === 'command' ? (item.output ?? '') : ''
    expect(output).toContain('HARMLESS=visible')
    expect(output).not.toContain('secret-')
    expect(codex.model.requests[0]?.headers).toMatchObject({ authorization: 'Bearer secret-1', 'x-team': 'secret-4' })
  })

  test("the user's MCP servers and those of a trusted project stay off, except those that are wanted", async () => {
    await using marks = await openPlace()
    const server = (name: string): string =>
      `[mcp_servers.${JSON.stringify(name)}]\ncommand = "/bin/sh"\nargs = ["-c", "touch ${join(marks.work, name)}"]\n`
    await using codex = await startRealCodex(scenario('mcp', [rule('any', {}, [say('hi')])]), {
      config: `${server('plain')}${server('with.dot')}${server('wanted')}`,
    })
    await mkdir(join(codex.place.work, '.git'))
    await mkdir(join(codex.place.work, '.codex'))
    await writeFile(join(codex.place.work, '.codex', 'config.toml'), server('project'))
    const file = join(codex.place.codexHome, 'config.toml')
    const before = `${readFileSync(file, 'utf8')}[projects.${JSON.stringify(codex.place.work)}]\ntrust_level = "trusted"\n`
    await writeFile(file, before)
    const { connection, seen, threadId } = await begin(codex, 'hello')
    await seen.until('turn-completed')
    expect(readdirSync(marks.work)).toEqual([])
    await codex.host.restart('test')
    await connection.closed
    const next = await codex.connect()
    await next.resumeThread(threadId, { ...settingsOf(codex), mcpServers: ['wanted'] })
    await eventually('the wanted one started', () => readdirSync(marks.work).length > 0)
    expect(readdirSync(marks.work)).toEqual(['wanted'])
    expect(readFileSync(file, 'utf8')).toBe(before)
  })

  test('a profile is used without being written anywhere, and the tools of multi-agent are off', async () => {
    await using codex = await startRealCodex(scenario('profile', [rule('any', {}, [say('hi')])]))
    const text = 'model = "gpt-5.6-sol"\nmodel_reasoning_effort = "high"\n[features]\nmulti_agent = true\n'
    await writeFile(join(codex.place.codexHome, 'deep.config.toml'), text)
    const { seen } = await begin(codex, 'hello', { config: await readProfile(codex.place.codexHome, 'deep') })
    await seen.until('turn-completed')
    const body = JSON.stringify(codex.model.requests[0]?.body)
    expect(body).toContain('"model":"gpt-5.6-sol"')
    expect(body).toContain('"effort":"high"')
    expect(body).not.toContain('spawn_agent')
  })

  test('a configuration that is not valid is said to be so', async () => {
    await using codex = await startRealCodex(scenario('invalid', []))
    const connection = await codex.connect()
    await writeFile(join(codex.place.codexHome, 'config.toml'), 'not = = toml')
    await expect(connection.startThread(settingsOf(codex))).rejects.toMatchObject({ code: 'CODEX_CONFIG_INVALID' })
  })
})
