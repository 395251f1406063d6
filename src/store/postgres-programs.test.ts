import { describe, expect, it } from 'vitest'
import { Secret } from '#kernel'
import { postgresPlaceOf } from './postgres-place.ts'
import { createAnotherCommand, createDatabaseCommand, createSchemaCommand } from './postgres-programs.ts'

const placeOf = (url: string) => postgresPlaceOf(new Secret(url))
const wanted = '--encoding=UTF8 --template=template0'

describe('a cure names what the URL names, and never its password', () => {
  it.each([
    [
      'postgres://me:hunter2@db.example.com:6543/team',
      `createdb --host=db.example.com --port=6543 --username=me ${wanted} team`,
    ],
    ['postgres:///tandem', `createdb ${wanted} tandem`],
    ['postgres://me@localhost', `createdb --host=localhost --username=me ${wanted} me`],
    ['postgres://[::1]/x', `createdb --host=::1 ${wanted} x`],
    ['postgres:///x?host=/run/pg&port=5433', `createdb --host=/run/pg --port=5433 ${wanted} x`],
    ['postgres://%2Frun%2Fpg/my%20db', `createdb --host=/run/pg ${wanted} 'my db'`],
  ])('%s', (url, command) => {
    expect(createDatabaseCommand(placeOf(url))).toBe(command)
  })

  it('a database beside one that is of no use has another name', () => {
    expect(createAnotherCommand(placeOf('postgres://h/team'))).toMatch(/ tandem$/)
    expect(createAnotherCommand(placeOf('postgres://h/tandem'))).toMatch(/ tandem_own$/)
  })

  it('a schema is made in that database', () => {
    const command = createSchemaCommand(placeOf('postgres://me:hunter2@h/team'), '"My Own"')
    expect(command).toBe(`psql --host=h --username=me --dbname=team --command='create schema "My Own"'`)
  })
})
