import { expect, test } from 'vitest'
import { postgresErrorOf } from './postgres-errors.ts'

const said = (code: string, message: string): Error => Object.assign(new Error(message), { code, severity: 'ERROR' })

test.each([
  ['55P03', 'canceling statement due to lock timeout', 'STORE_LOCKED', /pg_stat_activity/],
  ['40P01', 'deadlock detected', 'STORE_LOCKED', /pg_stat_activity/],
  ['53300', 'sorry, too many clients already', 'STORE_FAILED', /up to six connections/],
  ['53200', 'out of memory', 'STORE_FAILED', /pg_isready/],
  ['3D000', 'database "x" does not exist', 'STORE_NO_DATABASE', /createdb/],
])('%s has words and a cure that are about a server, not about a file', (state, message, code, hint) => {
  const error = postgresErrorOf('postgres://h/x', said(state, message))
  expect(error).toMatchObject({ code, hint: expect.stringMatching(hint) })
  expect(error.message).toContain(`postgres://h/x: ${message}`)
  expect(error.hint).not.toMatch(/file/)
})
