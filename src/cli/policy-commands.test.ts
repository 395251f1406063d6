import { describe, expect, it } from 'vitest'
import { policySchema } from '#contracts'
import { createHarness } from './test-harness.ts'

const verdict = {
  allowed: false,
  cd: '/repo',
  sandbox: 'workspace-write',
  network: false,
  rule: 'max_sandbox = "read-only"',
  why: 'sandbox workspace-write is not allowed in /repo',
  cure: 'a person can allow it: tandem policy allow --sandbox workspace-write',
} as const

describe('tandem policy test', () => {
  it('tells a refusal, the line that makes it and the cure, and ends as not allowed', async () => {
    const harness = createHarness({ answer: () => verdict })
    expect(await harness.run('policy', 'test', '--sandbox', 'workspace-write')).toBe(77)
    expect(harness.stdout().split('\n').slice(0, 3)).toEqual([
      `not allowed: ${verdict.why}`,
      'by: max_sandbox = "read-only"',
      verdict.cure,
    ])
  })

  it('ends with 0 when it is allowed, and says whether there is network', async () => {
    const harness = createHarness({ answer: () => ({ ...verdict, allowed: true, why: 'it is allowed', cure: null }) })
    expect(await harness.run('policy', 'test', '--sandbox', 'workspace-write')).toBe(0)
    expect(harness.stdout()).toContain('allowed: it is allowed, without network')
  })
})

describe('tandem policy show', () => {
  const shown = {
    file: '/config/policy.toml',
    state: 'ignored',
    detail: 'it lies inside of /repo',
    cd: '/repo',
    is_directory_allowed: true,
    max_sandbox: 'read-only',
    network: false,
    lines: [{ setting: 'max_sandbox', value: 'read-only', from: 'default', meaning: 'Codex reads\u001B[31m' }],
    policy: policySchema.parse({}),
  }

  it('has a line for each rule, and says on a terminal why the file does not count', async () => {
    const harness = createHarness({ answer: () => shown, terminal: 'both', columns: 160 })
    expect(await harness.run('policy', 'show')).toBe(0)
    expect(harness.stdout()).toContain('/config/policy.toml: ignored here, the defaults hold (it lies inside of /repo)')
    expect(harness.stdout()).toMatch(/max_sandbox\s+read-only\s+default\s+Codex reads/)
    expect(harness.stdout()).not.toContain('\u001B[31m')
  })

  it('is tab-separated for a program', async () => {
    const harness = createHarness({ answer: () => shown })
    await harness.run('policy', 'show')
    expect(harness.stdout()).toMatch(/^max_sandbox\tread-only\tdefault\tCodex reads/)
  })
})

describe('tandem policy allow', () => {
  it('asks nothing of the daemon, and passes absolute directories on', async () => {
    const harness = createHarness()
    expect(
      await harness.run(
        ...'policy allow --sandbox workspace-write --directory sub --directory /x --network off'.split(' '),
      ),
    ).toBe(0)
    expect(harness.log).toEqual([
      'policy allow {"sandbox":"workspace-write","network":false,"directories":["/repo/sub","/x"]}',
    ])
    expect(harness.stdout()).toContain('max_sandbox = "workspace-write"\nwritten to /config/policy.toml')
  })

  it.each([
    [['policy', 'allow'], 'CLI_USAGE'],
    [['policy', 'allow', '--sandbox', 'everything'], 'CLI_USAGE'],
    [['policy', 'allow', '--network', 'maybe'], 'CLI_USAGE'],
  ])('refuses %j', async (argv, code) => {
    const harness = createHarness()
    expect(await harness.run(...argv, '--json')).toBe(2)
    expect(harness.stdout()).toContain(code)
    expect(harness.log).toEqual([])
  })
})
