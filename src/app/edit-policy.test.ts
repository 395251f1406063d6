import { describe, expect, it } from 'vitest'
import type { PolicyGrant } from '#cli'
import { editPolicy, emptyPolicyText } from './edit-policy.ts'

describe('allowing more', () => {
  const none: PolicyGrant = { directories: [] }
  const edited = (text: string, grant: PolicyGrant): string => editPolicy('policy.toml', text, grant).text

  it('begins a file with what is allowed', () => {
    const edit = editPolicy('policy.toml', emptyPolicyText, { ...none, sandbox: 'workspace-write' })
    expect(edit.text).toBe(`${emptyPolicyText}max_sandbox = "workspace-write"\n`)
    expect(edit.changes).toEqual(['max_sandbox = "workspace-write"'])
  })

  const written = [
    '# ours',
    "max_sandbox = 'read-only' # for all",
    '',
    '[directories] # where',
    'allow = [',
    '  "~/a", # the first',
    ']',
    '',
    '[commands]',
    'deny = ["git push"]',
    '',
    '[[rules]]',
    'directory = "/x"',
    'network = true',
    '',
  ].join('\n')

  it.each<[string, PolicyGrant, readonly (readonly [string, string])[]]>([
    [
      'a sandbox',
      { ...none, sandbox: 'workspace-write' },
      [["max_sandbox = 'read-only' #", 'max_sandbox = "workspace-write" #']],
    ],
    ['network', { ...none, network: true }, [['# for all\n', '# for all\nnetwork = true\n']]],
    ['a directory', { directories: ['/d e"f'] }, [['allow = [', String.raw`allow = ["/d e\"f", `]]],
    [
      'a sandbox in a directory that has a rule',
      { directories: ['/x'], sandbox: 'workspace-write' },
      [
        ['allow = [', 'allow = ["/x", '],
        ['network = true', 'network = true\nmax_sandbox = "workspace-write"'],
      ],
    ],
    [
      'in a new directory',
      { directories: ['/y'], network: false },
      [
        ['allow = [', 'allow = ["/y", '],
        ['network = true\n', 'network = true\n\n[[rules]]\ndirectory = "/y"\nnetwork = false\n'],
      ],
    ],
  ])('changes a line and keeps the rest, comments included: %s', (_, grant, replacements) => {
    const wanted = replacements.reduce((text, [from, to]) => text.replace(from, () => to), written)
    expect(edited(written, grant)).toBe(wanted)
  })

  it('what is allowed already changes nothing', () => {
    expect(editPolicy('policy.toml', written, { directories: ['~/a'] })).toEqual({ text: written, changes: [] })
  })

  it.each([
    ['directories = { allow = ["/a"] }', { directories: ['/b'] }],
    ['directories.allow = ["/a"]', { directories: ['/b'] }],
    ['max_sandbox = """read-only"""', { ...none, sandbox: 'workspace-write' }],
    ["[[rules]]\ndirectory = '/b'", { directories: ['/b'], sandbox: 'workspace-write' }],
  ] as const)('a layout that is not understood is left alone, and what to write is said: %j', (text, grant) => {
    expect(() => editPolicy('policy.toml', text, grant)).toThrow(
      expect.objectContaining({ code: 'POLICY_NOT_EDITABLE', hint: expect.stringContaining('write it yourself: ') }),
    )
  })
})
