import { expect, it } from 'vitest'
import { sandboxFailed } from './errors.ts'

const machine = { max_user_namespaces: 30_000, apparmor_restricts: false }

it.each([
  ['boom: license expired', machine, /codex sandbox -- \/bin\/true/],
  ['boom: license expired', { ...machine, apparmor_restricts: true }, /codex sandbox -- \/bin\/true/],
  ['bwrap: No permissions to create new namespace', machine, /max_user_namespaces=15000/],
  ['bwrap: setting up uid map: Permission denied', { ...machine, apparmor_restricts: true }, /AppArmor/],
  ['it ended with exit code 1', { ...machine, max_user_namespaces: 0 }, /max_user_namespaces=15000/],
])('%s with %j', (detail, facts, cure) => {
  expect(sandboxFailed(detail, facts).hint).toMatch(cure)
})
