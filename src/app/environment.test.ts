import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callerOf } from './connect.ts'
import { readEnvironment } from './environment.ts'
import { packageDir, version } from './version.ts'

let before: NodeJS.ProcessEnv
beforeEach(() => {
  before = process.env
  process.env = { HOME: '/home/you' }
})
afterEach(() => void (process.env = before))

describe('readEnvironment', () => {
  it('derives every place from HOME alone', () => {
    expect(readEnvironment()).toMatchObject({
      homeDir: '/home/you',
      codexHome: '/home/you/.codex',
      places: { configDir: '/home/you/.config/tandem', stateDir: '/home/you/.local/state/tandem' },
      version,
      packageDir,
    })
  })

  it('takes empty variables for none, ignores relative XDG directories', () => {
    process.env = {
      HOME: '/home/you',
      CODEX_HOME: '',
      XDG_STATE_HOME: 'relative',
      XDG_RUNTIME_DIR: '',
      TANDEM_CONFIG_DIR: '/here//x/',
      TANDEM_STATE_DIR: '',
    }
    const { places, codexHome } = readEnvironment()
    expect(codexHome).toBe('/home/you/.codex')
    expect(places).toMatchObject({
      configDir: '/here/x',
      stateDir: '/home/you/.local/state/tandem',
      runtimeDir: '/home/you/.local/state/tandem/run',
    })
  })

  it.each([
    ['TANDEM_STATE_DIR', 'state', `${process.cwd()}/state`],
    ['TANDEM_RUNTIME_DIR', './run', `${process.cwd()}/run`],
    ['TANDEM_CONFIG_DIR', '~/conf', '/home/you/conf'],
    // As it reaches a terminal, it is still the directory that was meant.
    ['TANDEM_STATE_DIR', 'rel\x1b[31m', String.raw`$'${process.cwd()}/rel\033[31m'`],
  ])('refuses a relative %s', (variable, value, absolute) => {
    process.env = { HOME: '/home/you', [variable]: value }
    expect(readEnvironment).toThrow(
      expect.objectContaining({
        code: 'DIRECTORY_RELATIVE',
        hint: `make it absolute: export ${variable}=${absolute}`,
      }),
    )
  })

  it.each([
    ['main.ts', ['status'], /^tandem: .*\n {2}cure: .*\n {2}code: DIRECTORY_RELATIVE\n$/],
    ['main.ts', ['mcp'], /^tandem: /],
    ['main.ts', ['health'], /^tandem: /],
    ['main.ts', ['check'], /^tandem: /],
    ['main.ts', ['up'], /^tandem: /],
    ['main.ts', ['logs'], /^tandem: /],
    ['main.ts', ['daemon'], /^tandem: /],
    ['launcher-main.ts', ['-p', 'x'], /^claude-codex: .*\n {2}cure: .*\n {2}code: DIRECTORY_RELATIVE\n$/],
  ])('every program says so: %s %j', (program, argv, said) => {
    const args = [join(import.meta.dirname, program), ...argv]
    const env = { HOME: '/home/you', TANDEM_STATE_DIR: 'state' }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    expect({ status, stdout, stderr }).toEqual({ status: 78, stdout: '', stderr: expect.stringMatching(said) })
  })

  it.each([
    ['main.ts', [], /^ +up +start the daemon/m],
    ['main.ts', ['--help'], /^ +up +start the daemon/m],
    ['main.ts', ['help', 'up'], /--foreground/],
    ['main.ts', ['mcp', '--help'], /tandem mcp/],
    ['main.ts', ['help', 'demo'], /tandem demo/],
    ['main.ts', ['completion', 'bash'], /complete/],
    ['main.ts', ['version'], /^tandem \d/],
    ['main.ts', ['__complete', 'turns'], /^$/],
    ['launcher-main.ts', ['--tandem-help'], /^usage: claude-codex/],
    // Claude's own.
    ['launcher-main.ts', ['--version'], /^claude passed --version\n$/],
  ])('but what needs no daemon does its work: %s %j', (program, argv, shown) => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-relative-'))
    writeFileSync(join(folder, 'claude'), '#!/bin/sh\necho "claude passed $*"\n', { mode: 0o755 })
    const args = [join(import.meta.dirname, program), ...argv]
    const env = { HOME: '/home/you', TANDEM_STATE_DIR: 'state', PATH: folder }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    rmSync(folder, { recursive: true })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: expect.stringMatching(shown), stderr: '' })
  })

  it('and in JSON where it is asked for it', () => {
    const args = [join(import.meta.dirname, 'main.ts'), 'turns', '--json']
    const env = { HOME: '/home/you', TANDEM_RUNTIME_DIR: 'run' }
    const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    expect([status, JSON.parse(stdout)]).toEqual([
      78,
      { error: expect.objectContaining({ code: 'DIRECTORY_RELATIVE' }) },
    ])
  })

  it('tells which Claude session and project a call belongs to', () => {
    process.env = { HOME: '/home/you', CLAUDE_CODE_SESSION_ID: 's-1', CLAUDE_PROJECT_DIR: '/p' }
    expect(callerOf(readEnvironment(), 'mcp')).toEqual({
      door: 'mcp',
      claude_session_id: 's-1',
      project_dir: '/p',
    })
    process.env = { HOME: '/home/you', CLAUDE_CODE_SESSION_ID: '' }
    expect(callerOf(readEnvironment(), 'cli')).toEqual({
      door: 'cli',
      client: `tandem cli ${version}`,
      project_dir: process.cwd(),
    })
  })

  it('an MCP server without a project belongs to where it was started, at the root to no place', () => {
    process.env = { HOME: '/home/you' }
    const environment = readEnvironment()
    expect(callerOf(environment, 'mcp').project_dir).toBe(process.cwd())
    expect(callerOf({ ...environment, cwd: '/' }, 'mcp').project_dir).toBeUndefined()
    expect(callerOf({ ...environment, cwd: '/' }, 'cli').project_dir).toBe('/')
  })

  it('a command runs in a directory that was removed under its feet, too', () => {
    const root = mkdtempSync(join(tmpdir(), 'tandem-gone-'))
    const removed = join(root, 'here')
    mkdirSync(removed)
    const command = 'cd "$1" && rmdir "$1" && exec "$0" "$2" status'
    const args = ['-c', command, process.execPath, removed, join(import.meta.dirname, 'main.ts')]
    const { status, stderr } = spawnSync('sh', args, { env: { HOME: root }, encoding: 'utf8' })
    rmSync(root, { recursive: true })
    expect([status, stderr]).toEqual([69, expect.stringContaining('DAEMON_NOT_RUNNING')])
  })
})
