import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rule, say, scenario, shell } from '#scripted-model'
import { environmentOf, eventually, openPlace, startRealCodex } from './harness.ts'
import { readProfile } from './index.ts'
import { begin, isCommand, onPrompt, settingsOf } from './test-turns.ts'

/* The real program, on a scripted model. */

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
