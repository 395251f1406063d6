/*
 * Stands in for `tandem` where a test is about the doors and the programs around them, not about the daemon: the real MCP door and the
 * real command line on played verbs. TANDEM_STAND_IN names the directory of its notes; TANDEM_STAND_IN_DOWN=1 plays a daemon that cannot start.
 */
import { readFile } from 'node:fs/promises'
import { runCli } from '#cli'
import { AppError, silentLog, systemClock } from '#kernel'
import { runMcp } from '#mcp'
import { createStandInVerbs } from './stand-in-verbs.ts'
import type { Caller } from '#contracts'

const dir = process.env['TANDEM_STAND_IN'] ?? '.'
const verbs = createStandInVerbs(dir)

function onInterrupt(listener: () => void): Disposable {
  process.on('SIGINT', listener)
  return { [Symbol.dispose]: () => void process.off('SIGINT', listener) }
}

async function mcp(): Promise<number> {
  const caller: Caller = {
    door: 'mcp',
    claude_session_id: process.env['CLAUDE_CODE_SESSION_ID'],
    project_dir: process.env['CLAUDE_PROJECT_DIR'],
  }
  const { stdin, stdout, stderr } = process
  return runMcp({ verbs, caller, version: '0.0.0', log: silentLog, stdin, stdout, stderr, signals: { onInterrupt } })
}

const notPlayed = (): Promise<never> => Promise.reject(new Error('the stand-in has no daemon'))

const code = await runCli(process.argv.slice(2), {
  version: '0.0.0',
  cwd: process.cwd(),
  caller: { door: 'cli' },
  connect: async () => {
    if (process.env['TANDEM_STAND_IN_DOWN'] === '1') {
      throw new AppError('DAEMON_UNREACHABLE', 'unavailable', 'the daemon does not start', {
        hint: 'see `tandem logs`',
      })
    }
    return Object.assign(createStandInVerbs(dir), { [Symbol.asyncDispose]: () => Promise.resolve() })
  },
  lifecycle: { up: notPlayed, down: notPlayed, restart: notPlayed, readLog: notPlayed, health: notPlayed },
  local: {
    demo: notPlayed,
    mcp,
    policyAllow: notPlayed,
    check: notPlayed,
    doctor: notPlayed,
    claudeInstall: notPlayed,
    claudeUninstall: notPlayed,
    storeCopy: notPlayed,
  },
  stdin: { kind: 'other', read: () => process.stdin },
  stdout: process.stdout,
  stderr: process.stderr,
  environment: {},
  clock: systemClock,
  onInterrupt,
  readFile: path => readFile(path, 'utf8'),
})
process.exit(code)
