import { describe, expect, test } from 'vitest'
import { createHarness, settle } from './test-harness.ts'
import type { ClaudeInstallRequest } from './deps.ts'
import type { ClaudeReport, Finding } from '#contracts'

const fine: Finding = {
  name: 'socket',
  state: 'ok',
  is_configuration: false,
  code: null,
  message: '/run/daemon.sock',
  cure: null,
  data: {},
}
const low: Finding = { ...fine, name: 'disk', state: 'warning', code: 'DISK_LOW', message: 'low', cure: 'free space' }
const broken: Finding = {
  ...fine,
  name: 'log',
  state: 'problem',
  code: 'LOG_UNWRITABLE',
  message: 'a link\u001b[2J',
  cure: 'mv a b',
}
const wrong: Finding = { ...broken, name: 'configuration', code: 'CONFIG_INVALID', is_configuration: true }

describe('check', () => {
  test.each<[string, readonly Finding[], number]>([
    ['nothing', [fine], 0],
    ['a warning alone', [fine, low], 0],
    ['a problem', [fine, low, broken], 1],
    ['one of the configuration, whatever else', [broken, wrong], 78],
  ])('%s', async (_, findings, code) => {
    const harness = createHarness({ local: { check: async () => ({ findings }) } })
    expect(await harness.run('check')).toBe(code)
    expect(
      harness
        .stdout()
        .trimEnd()
        .split('\n')
        .map(line => line.split('\t').slice(0, 3)),
    ).toEqual(findings.map(finding => [finding.name, finding.state, finding.code ?? '']))
    const json = createHarness({ local: { check: async () => ({ findings }) } })
    expect([await json.run('check', '--json'), JSON.parse(json.stdout())]).toEqual([code, { findings }])
  })

  test('on a terminal the cures stand below, whole, and nothing in them acts on it', async () => {
    const harness = createHarness({
      terminal: 'both',
      environment: { NO_COLOR: '1' },
      local: { check: async () => ({ findings: [fine, broken] }) },
    })
    await harness.run('check')
    expect(harness.stdout()).toBe(
      'ok      socket  /run/daemon.sock\nproblem log     a link\n\nlog: a link\n  cure: mv a b\n  code: LOG_UNWRITABLE\n',
    )
    const well = createHarness({ terminal: 'both', local: { check: async () => ({ findings: [fine] }) } })
    await well.run('check')
    expect(well.stdout()).toContain('nothing is wrong')
  })
})

describe('doctor', () => {
  test('tells on stderr what it does, and nothing with --json', async () => {
    const doctor = async ({ onStep }: { readonly onStep: (step: string) => void }) => {
      onStep('asking \u001b[2Jcodex')
      return { findings: [fine] }
    }
    const harness = createHarness({ local: { doctor } })
    expect([await harness.run('doctor'), harness.stderr()]).toEqual([0, 'asking codex …\n'])
    const json = createHarness({ local: { doctor } })
    expect([await json.run('doctor', '--json'), json.stderr()]).toEqual([0, ''])
  })

  test('Ctrl-C ends it in order', async () => {
    const harness = createHarness({
      local: {
        doctor: ({ signal }) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      },
    })
    const run = harness.run('doctor')
    await settle()
    harness.interrupt()
    expect([await run, harness.stderr(), harness.listeners()]).toEqual([130, '', 0])
  })
})

describe('restart', () => {
  const up = { pid: 43, version: '0.2.0', socket: '/run/daemon.sock' }
  test.each([
    [
      { ...up, kind: 'started', before: null },
      'the daemon was not running, and is up: pid 43, version 0.2.0, /run/daemon.sock\n',
    ],
    [
      { ...up, kind: 'restarted', before: { pid: 42, version: '0.1.0', running: 2, was_forced: true } },
      'the daemon with pid 42, version 0.1.0, is down (it had to be ended by force); of 2 running turns, those that had not ended go on\nthe daemon is up again: pid 43, version 0.2.0, /run/daemon.sock\n',
    ],
  ] as const)('%j', async (outcome, text) => {
    const harness = createHarness({ lifecycle: { restart: async () => outcome } })
    expect([await harness.run('restart'), harness.stdout()]).toEqual([0, text])
  })
})

describe('claude install and uninstall', () => {
  const report: ClaudeReport = {
    scope: 'user',
    is_dry_run: true,
    changes: [{ target: '/home/user/.claude/commands/codex-ask.md', action: 'added', note: null }],
    notes: ['nothing was changed'],
  }

  test('pass on what was asked, and show what was done; notes are for people', async () => {
    const seen: unknown[] = []
    const play = async (request: Partial<ClaudeInstallRequest>) => {
      seen.push(request)
      return report
    }
    const harness = createHarness({ local: { claudeInstall: play, claudeUninstall: play } })
    await harness.run('claude', 'install', '--scope', 'local', '--force', '--dry-run')
    await harness.run('claude', 'uninstall')
    expect(seen).toEqual([
      { scope: 'local', isForced: true, isDryRun: true },
      { scope: 'user', isDryRun: false },
    ])
    expect(harness.stdout()).toBe('added\t/home/user/.claude/commands/codex-ask.md\t\n'.repeat(2))
    expect(harness.stderr()).toBe('nothing was changed\n'.repeat(2))
  })

  test('refuse a scope that is none', async () => {
    const harness = createHarness()
    expect([await harness.run('claude', 'install', '--scope', 'everywhere'), harness.stderr()]).toEqual([
      2,
      expect.stringMatching(/user, project, local[^]*tandem help claude install/),
    ])
  })
})
