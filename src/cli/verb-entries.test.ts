import { describe, expect, test } from 'vitest'
import { verbNames, verbs } from '#contracts'
import type { CommandShape, VerbName } from '#contracts'
import { groupOf, groupSummaries } from './command-entry.ts'
import { commandEntries } from './commands.ts'
import { createHarness, sessionId, turnAnswer, turnId } from './test-harness.ts'

/** One line for each derived command, with every option it has, and the input that the daemon gets. */
const lines: Readonly<Partial<Record<VerbName, { readonly argv: readonly string[]; readonly input: unknown }>>> = {
  ask: {
    argv: words(`ask where is -C sub -s last --sandbox workspace-write -m gpt-5.5 -e high -p fast -i a.png --image /b.png
      the login? --schema answer.json -a --yolo --wait-ms 5000 --key k1 --on-cut fail`),
    input: {
      prompt: 'where is the login?',
      cd: '/repo/sub',
      session_id: 'last',
      sandbox: 'workspace-write',
      model: 'gpt-5.5',
      effort: 'high',
      profile: 'fast',
      image: ['/repo/a.png', '/b.png'],
      output_schema: { type: 'object' },
      return_all_messages: true,
      yolo: true,
      wait_ms: 5000,
      idempotency_key: 'k1',
      on_cut: 'fail',
      skip_git_repo_check: true,
    },
  },
  wait: {
    argv: ['wait', turnId, '--wait-ms', '10', '-a'],
    input: { turn_id: turnId, wait_ms: 10, return_all_messages: true },
  },
  result: {
    argv: ['result', turnId, '-a', '--offset', '3', '--max-chars', '100'],
    input: { turn_id: turnId, return_all_messages: true, offset: 3, max_chars: 100 },
  },
  steer: { argv: ['steer', turnId, 'leave', 'the tests'], input: { turn_id: turnId, message: 'leave the tests' } },
  cancel: { argv: ['cancel', turnId], input: { turn_id: turnId } },
  events: {
    argv: ['events', '-t', turnId, '-s', 'last', '--cursor', '7', '-n', '9', '--wait-ms', '1', '-f'],
    input: { turn_id: turnId, session_id: 'last', cursor: 7, limit: 9, wait_ms: 1, follow: true },
  },
  turns: {
    argv: ['turns', '-s', sessionId, '--status', 'running', '-C', '..', '-n', '3'],
    input: { session_id: sessionId, status: 'running', cd: '/', limit: 3 },
  },
  turn: { argv: ['turn', turnId], input: { turn_id: turnId } },
  threads: { argv: ['threads', '-C', '.', '--archived', '-n', '3'], input: { cd: '/repo', archived: true, limit: 3 } },
  thread: { argv: ['thread', 'last'], input: { session_id: 'last' } },
  archive: { argv: ['archive', sessionId], input: { session_id: sessionId } },
  settings: {
    argv: ['settings', '-C', '/x', '--scope', 'project', '-e', 'default', '--reasoning', 'on', '--final-only', 'off'],
    input: { cd: '/x', scope: 'project', effort: 'default', reasoning: 'on', final_only: 'off' },
  },
  status: { argv: ['status'], input: {} },
  log_level: { argv: ['log-level', 'debug'], input: { level: 'debug' } },
  policy_show: { argv: ['policy', 'show', '-C', '..'], input: { cd: '/' } },
  policy_test: {
    argv: ['policy', 'test', '--sandbox', 'workspace-write', '--network'],
    input: { cd: '/repo', sandbox: 'workspace-write', network: true },
  },
}

const shapeOf = (name: VerbName): CommandShape | undefined => verbs[name].doors.cli
const wordsOf = (name: VerbName): readonly string[] => shapeOf(name)?.command.split(' ') ?? []
const commands = verbNames.filter(name => shapeOf(name) !== undefined)

describe('commands derived from the verbs', () => {
  // `health` has an answer without a daemon, too: see run-health.test.ts.
  test.each(commands.filter(name => name !== 'health'))(
    '%s passes what its line says in the types of its schema',
    async name => {
      const line = lines[name]
      const harness = createHarness({
        files: { '/repo/answer.json': '{"type":"object"}' },
        answer: ({ verb }) =>
          verb === 'events' ? { events: [], cursor: 7, has_more: false } : { ...turnAnswer(), allowed: true },
      })
      // With --json no view stands between the test and the answer.
      const code = await harness.run(...(line?.argv ?? wordsOf(name)), '--json')
      expect({ code, verb: harness.calls[0]?.verb, input: cursorless(name, harness.calls[0]?.input) }).toEqual({
        code: 0,
        verb: name,
        input: line?.input ?? {},
      })
      expect(harness.log.at(-1)).toBe('closed')
    },
  )

  test.each(commands)('help of %s shows its summary, arguments, options, choices and examples', async name => {
    const shape = shapeOf(name)
    const harness = createHarness({ columns: 200 })
    expect(await harness.run('help', ...wordsOf(name))).toBe(0)
    const help = harness.stdout()
    const expected = [
      verbs[name].summary,
      ...Object.values(shape?.options ?? {}).map((flags: string) => flags.replace('...>', '>')),
      ...(shape?.examples ?? []),
      '--json',
    ]
    expect(expected.filter(part => !help.includes(part))).toEqual([])
  })

  test('help shows choices, defaults and where a value comes from', async () => {
    const harness = createHarness({ columns: 200 })
    await harness.run('ask', '--help')
    const help = harness.stdout()
    expect(help).toContain(
      ['--sandbox <mode>', 'what Codex may touch', 'one of: read-only, workspace-write, danger-full-access']
        .concat('default: read-only\n')
        .join('\n        '),
    )
    expect(help).toMatch(/--wait-ms <ms>\n +how long to wait for the end.*\n +default: 600000\n/)
    expect(help).toMatch(/-C, --cd <dir>\n.*\n +default: the current directory\n/)
    expect(help).toMatch(/--image <file>\n.*; may be repeated\n/)
  })

  test.each([
    [['ask', 'x', '--sandbox', 'bogus'], 'sandbox'],
    [['ask', 'x', '--effort', 'bogus'], 'effort'],
    [['ask', 'x', '-m', ''], 'model'],
    [['ask', 'x', '-C', ''], 'cd'],
    [['ask', 'x', '--wait-ms', 'soon'], 'wait_ms'],
    [['ask', 'x', '--wait-ms', '-5'], 'wait_ms'],
    [['ask', 'x', '--wait-ms', '1.5'], 'wait_ms'],
    [['ask', '   '], 'prompt'],
    [['ask'], 'prompt'],
    [['steer', turnId, ' '], 'message'],
    [['wait', ''], 'turn_id'],
    [['turns', '--limit', '0'], 'limit'],
    [['settings', '--final-only', 'maybe'], 'final_only'],
  ])('refuses %j before it connects and names the member', async (argv, member) => {
    const harness = createHarness()
    const code = await harness.run(...argv, '--json')
    const { error } = JSON.parse(harness.stdout()) as { error: { code: string; data: { fields: string[] } } }
    expect([code, error.code, error.data.fields, harness.log]).toEqual([2, 'INPUT_INVALID', [member], []])
  })

  test('what is wrong is said with the flag that was given', async () => {
    const harness = createHarness({ files: { '/repo/list.json': '[1]' } })
    await harness.run('ask', 'x', '--wait-ms', 'soon', '--schema', 'list.json', '-e', 'zz')
    expect(harness.stderr()).toContain(
      [
        'tandem: --effort: must be one of none, minimal, low, medium, high, xhigh, max, ultra',
        '--schema: must be a JSON object',
        '--wait-ms: must be a number',
      ].join('; '),
    )
    await harness.run('ask', 'x', '--schema', 'none.json')
    expect(harness.stderr()).toContain('cannot read none.json for --schema: there is no such file')
    await harness.run('wait', '')
    expect(harness.stderr()).toContain('tandem: turn-id: must not be empty')
  })

  test('a schema file that is missing, not JSON, or no object has its own error each', async () => {
    const files = { '/repo/bad.json': '{', '/repo/list.json': '[1]' }
    const outcomes: unknown[] = []
    for (const file of ['none.json', 'bad.json', 'list.json']) {
      const harness = createHarness({ files })
      const code = await harness.run('ask', 'x', '--schema', file)
      outcomes.push([code, /code: (.*)/.exec(harness.stderr())?.[1]])
    }
    expect(outcomes).toEqual([
      [66, 'CLI_FILE_UNREADABLE'],
      [2, 'CLI_FILE_NOT_JSON'],
      [2, 'INPUT_INVALID'],
    ])
  })

  test('every command is one word or two, and none is also the first word of others', () => {
    const names = commandEntries()
      .filter(({ isHidden }) => isHidden !== true)
      .map(({ name }) => name)
    expect(names.filter(name => !/^[a-z]+(?:-[a-z]+)?(?: [a-z]+)?$/.test(name))).toEqual([])
    expect(names.filter(name => names.includes(groupOf(name) ?? ''))).toEqual([])
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })

  test('every first word of two is explained', () => {
    const groups = commandEntries().map(({ name }) => groupOf(name))
    expect(groups.filter(group => group !== null && groupSummaries[group] === undefined)).toEqual([])
  })
})

function words(line: string): readonly string[] {
  return line.split(/\s+/)
}

/** `wait` adds the cursor of its view. */
function cursorless(name: VerbName, input: unknown): unknown {
  if (name !== 'wait') return input
  const { cursor, ...rest } = input as { cursor?: number }
  expect(cursor).toBe(0)
  return rest
}
