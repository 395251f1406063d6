import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { applyPatch, callTool, newFilePatch, rule, say, scenario, shell } from '#scripted-model'
import type { Step } from '#scripted-model'
import { startRealCodex, watch } from './harness.ts'
import type { RealCodex } from './harness.ts'
import type { CodexEvent, DeniedCommand, ThreadSettings } from './index.ts'

beforeAll(() => void vi.stubEnv('TMPDIR', '/var/tmp'))
afterAll(() => void vi.unstubAllEnvs())

const run = (cmd: string): Step => callTool('exec_command', { cmd })
const denied: readonly DeniedCommand[] = [
  ['git', 'push'],
  ['touch', 'denied'],
]

interface Played {
  readonly made: readonly string[]
  readonly reasons: readonly string[]
  readonly told: string
  readonly events: readonly CodexEvent[]
}

/** One turn for each list of denied commands, in one thread; each plays all the steps. */
async function play(
  steps: readonly Step[],
  turns: readonly (readonly DeniedCommand[])[],
  prepare: (codex: RealCodex) => Promise<unknown> = async () => undefined,
  settings: Pick<ThreadSettings, 'model' | 'config'> = {},
): Promise<Played> {
  const rules = steps.map((step, at) => rule(`step ${at}`, { sincePrompt: at }, [step]))
  await using codex = await startRealCodex(scenario('commands', [...rules, rule('end', {}, [say('done')])]))
  await prepare(codex)
  const connection = await codex.connect()
  using seen = watch(connection)
  const cwd = codex.place.work
  const permissions = { sandbox: 'workspace-write' } as const
  const { threadId } = await connection.startThread({ cwd, ...permissions, ...settings })
  for (const [at, deniedCommands] of turns.entries()) {
    const turn = { threadId, clientMessageId: `m${at}`, text: 'go', cwd, deniedCommands, ...permissions }
    const { codexTurnId } = await connection.startTurn(turn)
    const completed = await seen.until('turn-completed', event => event.codexTurnId === codexTurnId)
    expect(completed).toMatchObject({ status: 'completed' })
  }
  return {
    made: (await readdir(cwd)).filter(name => !name.startsWith('.')).sort(),
    reasons: seen.events.flatMap(event => (event.kind === 'command-denied' ? [event.reason] : [])),
    told: JSON.stringify(codex.model.requests.at(-1)?.body),
    events: seen.events,
  }
}

describe('denied commands of a turn', { timeout: 60_000 }, () => {
  test('are never started, in whatever they are wrapped; others are, and the model is told why', async () => {
    const played = await play(
      [
        run('touch one'),
        run('touch denied'),
        run('bash -lc "touch two && touch denied"'),
        run(`sh -c 'x=1; env Y=2 touch denied'`),
        run('touch three'),
        applyPatch(newFilePatch('patched', ['touch denied'])),
      ],
      [denied],
    )
    expect(played.made).toEqual(['one', 'patched', 'three'])
    expect(played.reasons).toHaveLength(3)
    expect(played.reasons[0]).toContain(`POLICY_DENIED_COMMAND: the user's policy does not allow "touch denied"`)
    expect(played.told).toContain('POLICY_DENIED_COMMAND')
    const started = played.events.flatMap(event =>
      event.kind === 'item-started' && event.item.kind === 'command' ? [event.item.command] : [],
    )
    expect(started.filter(command => command.includes('denied'))).toEqual([])
  })

  test.each<[string, Pick<ThreadSettings, 'model' | 'config'>]>([
    ['an older model', { model: 'gpt-5.5' }],
    ['a newer one', { model: 'gpt-5.6-sol' }],
    ['one that nobody knows', { model: 'own-model' }],
    ['the tool without open shells', { config: { features: { unified_exec: false } } }],
    ['the tool that runs programs of the model', { model: 'gpt-5.6-sol', config: { features: { code_mode: true } } }],
  ])('are not started with %s', async (_, settings) => {
    const played = await play([shell('touch one'), shell('touch denied')], [denied], undefined, settings)
    expect(played).toMatchObject({ made: ['one'], reasons: [expect.stringContaining('touch denied')] })
  })

  test("are not started where the user's own rules allow them", async () => {
    const allow = async ({ place }: RealCodex): Promise<void> => {
      await mkdir(join(place.codexHome, 'rules'))
      await writeFile(join(place.codexHome, 'rules', 'x.rules'), 'prefix_rule(pattern=["touch"], decision="allow")\n')
    }
    const played = await play([run('touch one'), run('touch denied')], [denied], allow)
    expect(played).toMatchObject({ made: ['one'], reasons: [expect.anything()] })
  })

  test('are those of the turn, not of the thread', async () => {
    const steps = [run('mkdir one || mkdir two || touch denied')]
    expect((await play(steps, [denied, [], denied])).made).toEqual(['one'])
    expect((await play(steps, [[], denied, []])).made).toEqual(['one', 'two'])
    expect((await play(steps, [denied, denied])).made).toEqual([])
  })
})

describe('what could keep Codex from asking', { timeout: 60_000 }, () => {
  /** Appends to the user's configuration of Codex, or to that of a repository which the user trusts. */
  const configured = (file: string, text: string): Promise<Played> =>
    play([run('touch denied')], [denied], async ({ place }) => {
      await mkdir(join(place.work, '.codex'))
      await mkdir(join(place.work, '.git'))
      const trust = `\n[projects.${JSON.stringify(place.work)}]\ntrust_level = "trusted"\n`
      await writeFile(join(place.codexHome, 'config.toml'), trust, { flag: 'a' })
      await writeFile(join(place.home, file), `\n${text}`, { flag: 'a' })
    })

  describe.each(['codex/config.toml', 'work/.codex/config.toml'])('in %s', file => {
    test('hooks that are switched off: then the turn is refused', async () => {
      const refused = { code: 'CODEX_COMMANDS_UNGUARDED', message: expect.stringContaining('hooks are switched off') }
      await expect(configured(file, '[features]\nhooks = false\n')).rejects.toMatchObject(refused)
    })

    test('a switch for this very hook: ours counts', async () => {
      const key = '/<session-flags>/config.toml:pre_tool_use:0:0'
      const text = `[hooks.state."${key}"]\nenabled = false\ntrusted_hash = "sha256:0"\n`
      expect(await configured(file, text)).toMatchObject({ made: [], reasons: [expect.anything()] })
    })
  })
})
