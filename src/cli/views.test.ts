import { describe, expect, test } from 'vitest'
import { verbs } from '#contracts'
import type { ThreadSummary, TurnSummary, VerbOutput } from '#contracts'
import { createHarness, sessionId, startMs, turnAnswer, turnId } from './test-harness.ts'
import type { Harness, HarnessOptions } from './test-harness.ts'

const turn: TurnSummary = {
  turn_id: turnId,
  agent_id: 'agent_1',
  session_id: sessionId,
  status: 'completed',
  cd: '/repo',
  sandbox: 'read-only',
  prompt: 'where is\nthe login\x1b[2J checked, and by whom, and since when?',
  accepted_at: startMs - 180_000,
  started_at: startMs - 179_000,
  ended_at: startMs - 114_000,
  attempts: 2,
  total_tokens: 12_345,
  error_code: null,
}
const queued: TurnSummary = {
  ...turn,
  session_id: null,
  status: 'queued',
  prompt: '漢字',
  accepted_at: startMs,
  started_at: null,
  ended_at: null,
  total_tokens: null,
}
const thread: ThreadSummary = {
  session_id: sessionId,
  agent_id: 'agent_1',
  cd: '/a/very/long/directory/that/does/not/fit',
  status: 'idle',
  turns: 2,
  created_at: startMs - 90_000_000,
  last_active_at: startMs - 7_200_000,
  title: 'where is the login?',
}

async function shown(argv: readonly string[], answer: unknown, options: HarnessOptions = {}): Promise<Harness> {
  const harness = createHarness({ environment: { TERM: 'dumb' }, ...options, answer: () => answer })
  expect(await harness.run(...argv)).toBe(0)
  return harness
}

describe('lists', () => {
  test('turns on a terminal of 90 columns: aligned, ids whole, the prompt cut', async () => {
    const harness = await shown(['turns'], { turns: [turn, queued] }, { terminal: 'both', columns: 90 })
    expect(harness.stdout().split('\n')).toEqual([
      'TURN                             STATUS     WHEN    TOOK    PROMPT',
      `${turnId}  completed  3m ago  1m 05s  where is the login checked, a…`,
      `${turnId}  queued     now     -       漢字`,
      '',
    ])
  })

  test('a wide terminal shows more columns', async () => {
    const harness = await shown(['turns'], { turns: [turn] }, { terminal: 'both', columns: 200 })
    expect(harness.stdout().split('\n')[1]).toBe(
      `${turnId}  completed  3m ago  1m 05s  12,345  ${sessionId}  /repo      where is the login checked, and by whom, and since when?`,
    )
  })

  test('on a narrow terminal ids are whole all the same', async () => {
    const harness = await shown(['turns'], { turns: [turn] }, { terminal: 'both', columns: 20 })
    expect(harness.stdout()).toContain(turnId)
  })

  test('turns piped: tab-separated, whole, times and durations for programs', async () => {
    const harness = await shown(['turns'], { turns: [turn, queued] })
    expect(harness.stdout()).toBe(
      [
        `${turnId}\tcompleted\t2026-11-21T11:57:00Z\t65000\t12345\t${sessionId}\t/repo\twhere is the login checked, and by whom, and since when?\n`,
        `${turnId}\tqueued\t2026-11-21T12:00:00Z\t-\t-\t-\t/repo\t漢字\n`,
      ].join(''),
    )
  })

  test('threads', async () => {
    const piped = await shown(['threads'], { threads: [thread] })
    expect(piped.stdout()).toBe(`${sessionId}\tidle\t2\t2026-11-21T10:00:00Z\t${thread.cd}\twhere is the login?\n`)
    const terminal = await shown(['threads'], { threads: [thread] }, { terminal: 'both', columns: 110 })
    expect(terminal.stdout()).toBe(
      [
        'SESSION                               STATUS  TURNS  ACTIVE  DIRECTORY                     TITLE\n',
        `${sessionId}  idle    2      2h ago  /a/very/long/directory/that…  where is the login?\n`,
      ].join(''),
    )
  })

  test('nothing is a heading on a terminal and empty when piped', async () => {
    expect((await shown(['turns'], { turns: [] })).stdout()).toBe('')
    expect((await shown(['turns'], { turns: [] }, { terminal: 'both' })).stdout()).toMatch(/^TURN .*\n$/)
  })
})

describe('one of them', () => {
  test('a turn', async () => {
    const error = { code: 'TURN_SILENT', kind: 'timeout', message: 'silent' }
    const output = {
      turn,
      prompt: 'where is\nthe login?',
      answer: turnAnswer({ status: 'failed', agent_messages: 'half', error }),
    }
    expect((await shown(['turn', turnId], output)).stdout()).toBe(
      [
        `turn       ${turnId}`,
        'status     completed',
        `session    ${sessionId}`,
        'directory  /repo',
        'sandbox    read-only',
        'accepted   3m ago (2026-11-21T11:57:00Z)',
        'took       1m 05s',
        'attempts   2',
        'tokens     12,345',
        'error      TURN_SILENT: silent',
        '',
        'prompt',
        'where is',
        'the login?',
        '',
        'answer so far',
        'half',
        '',
      ].join('\n'),
    )
  })

  test('a thread and its turns', async () => {
    expect((await shown(['thread', 'last'], { thread, turns: [queued] })).stdout()).toBe(
      [
        `session    ${sessionId}`,
        'agent      agent_1',
        'status     idle',
        'directory  /a/very/long/directory/that/does/not/fit',
        'created    1d ago (2026-11-20T11:00:00Z)',
        'active     2h ago (2026-11-21T10:00:00Z)',
        'title      where is the login?',
        '',
        `${turnId}\tqueued\t2026-11-21T12:00:00Z\t-\t-\t-\t/repo\t漢字`,
        '',
      ].join('\n'),
    )
  })

  test('archive, steer and cancel say what became of it', async () => {
    expect((await shown(['archive', sessionId], { thread })).stdout()).toBe(`archived ${sessionId}\n`)
    expect((await shown(['steer', turnId, 'x'], turnAnswer({ status: 'running' }))).stdout()).toBe(
      `${turnId} running\n`,
    )
    expect((await shown(['cancel', turnId], turnAnswer({ status: 'interrupted' }))).stdout()).toBe(
      `${turnId} interrupted\n`,
    )
  })

  test('a result shows half an answer, too, and its exit code tells how the turn stands', async () => {
    const half = turnAnswer({ success: false, status: 'running', agent_messages: 'half', elapsed_ms: 3000 })
    const harness = createHarness({ answer: () => half })
    expect([await harness.run('result', turnId), harness.stdout()]).toEqual([75, 'half\n'])
    expect(harness.stderr()).toContain('the turn is still running after 3s')
    expect((await shown(['result', turnId], turnAnswer())).stdout()).toBe('The login is checked in auth.ts.\n')
  })
})

describe('settings and status', () => {
  test('settings with where each comes from', async () => {
    const output: VerbOutput<'settings'> = {
      effective: { effort: null, reasoning: true, final_only: false },
      global: { reasoning: true, final_only: true },
      project: { final_only: false },
    }
    const harness = await shown(['settings'], output, { terminal: 'both' })
    expect(harness.calls[0]?.input).toEqual({ cd: '/repo', scope: 'global' })
    expect(harness.stdout()).toBe(
      [
        'SETTING     VALUE            FROM\n',
        "effort      the model's own  default\n",
        'reasoning   on               global\n',
        'final_only  off              project\n',
      ].join(''),
    )
  })

  const status: VerbOutput<'status'> = {
    version: '0.1.0',
    pid: 42,
    node_id: 'node_1',
    started_at: startMs,
    uptime_ms: 185_000,
    socket: '/run/tandem/daemon.sock',
    state_dir: '/state',
    log_file: '/state/daemon.log',
    is_supervised: true,
    is_stopping: false,
    codex: {
      kind: 'ready',
      version: '0.200.0',
      path: '/bin/codex',
      pid: 43,
      is_tested_version: false,
      tested_range: '0.169.x',
      detail: null,
    },
    turns: { queued: 1, running: 2, ended: 3 },
    threads: 4,
    clients: 1,
    memory_bytes: 85_400_000,
    http: { url: 'http://127.0.0.1:41234' },
    rate_limits: {
      limitId: 'codex',
      primary: { usedPercent: 12, windowDurationMins: 300, resetsAt: null },
      secondary: null,
    },
  }

  test('status of a daemon from before there was HTTP', async () => {
    const { http: _absent, ...older } = status
    const harness = await shown(['status'], verbs.status.output.parse(older))
    expect(harness.stdout()).toContain('tandem    0.1.0, pid 42')
    expect(harness.stdout()).not.toContain('http')
  })

  test('status, without starting a daemon', async () => {
    const harness = await shown(['status'], status)
    expect(harness.log).toEqual(['connect without start', 'status {}', 'closed'])
    expect(harness.stdout()).toBe(
      [
        'tandem    0.1.0, pid 42, up 3m 05s, supervised',
        'codex     ready 0.200.0, pid 43, /bin/codex, not tested with this version (tested: 0.169.x)',
        'turns     2 running, 1 queued, 3 ended',
        'sessions  4',
        'clients   1 client, 85 MB of memory',
        'socket    /run/tandem/daemon.sock',
        'http      http://127.0.0.1:41234, see http://127.0.0.1:41234/docs',
        'state     /state',
        'log       /state/daemon.log',
        'limits    12% of 5h 00m used',
        '',
      ].join('\n'),
    )
  })

  test('a Codex that cannot be used is told with the reason, limits that are not known are left out', async () => {
    const codex = { ...status.codex, kind: 'missing', version: '0.1.0', pid: null, detail: 'codex 0.1.0 is too old' }
    const harness = await shown(['status'], { ...status, codex, rate_limits: { primary: null } })
    expect(harness.stdout()).toContain(
      'codex     not usable 0.1.0, /bin/codex, not tested with this version (tested: 0.169.x): codex 0.1.0 is too old\n',
    )
    expect(harness.stdout()).not.toContain('limits')
  })

  test('--json is the answer itself, with what JSON leaves alone escaped', async () => {
    const output = { ...status, socket: '/a\x9b31m\x7f' }
    const harness = await shown(['status', '--json'], output)
    expect(harness.stdout()).toContain('/a\\u009b31m\\u007f')
    expect(JSON.parse(harness.stdout())).toEqual(output)
  })
})
