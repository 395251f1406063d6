import { testedRange } from '#codex'
import type { Agents } from '#agents'
import { putSettings } from '#store'
import { lookAtLog, storeHeld, writerOf } from '#local'
import { knockAtOwnSocket } from './knock.ts'
import { errorShapeOf, shellQuote } from '#kernel'
import type { Config, Places } from '#contracts'
import type { AppError, Clock, ErrorShape } from '#kernel'
import type { Finding, OpenLog, Probe } from '#ops'
import type { Store } from '#store'
import type { Environment } from './environment.ts'
import type { HttpState } from './http-door.ts'
import type { IdleWatch } from './idle.ts'
import type { LateCodex } from './late-codex.ts'

export interface DaemonHealthDeps {
  readonly config: Config
  readonly places: Places
  readonly version: string
  readonly clock: Clock
  readonly log: OpenLog
  readonly store: Store
  readonly codex: LateCodex
  readonly agents: Pick<Agents, 'waitingForPolicy'>
  readonly idle: IdleWatch
  readonly environment: Pick<Environment, 'env' | 'codexHome'>
  readonly isSupervised: () => boolean
  /** Undefined: there is no such door yet. */
  readonly http: () => HttpState | undefined
}

/** What most parts have. */
const usual = { isVital: false, everyMs: 10_000, maxAgeMs: 0, lateMs: 1000 } as const

export function socketPart({ places, version, idle }: Pick<DaemonHealthDeps, 'places' | 'version' | 'idle'>): Probe {
  return {
    ...usual,
    name: 'socket',
    isVital: true,
    everyMs: 5000,
    async look() {
      using _own = idle.ownConnection()
      return { ...(await knockAtOwnSocket(places.socketPath, version)), details: { path: places.socketPath } }
    },
  }
}

/** A read, and a write that is on the disk when it is answered. */
export function storeParts({
  store,
  clock,
  config,
  places,
}: Pick<DaemonHealthDeps, 'store' | 'clock' | 'config' | 'places'>): readonly Probe[] {
  const vital = { ...usual, isVital: true, everyMs: 30_000, maxAgeMs: 1000, lostMs: 10_000 }
  const timed = async (work: () => Promise<unknown>): Promise<Finding> => {
    const beganAt = clock.monotonic()
    await work()
    const details = { took_ms: Math.round(10 * (clock.monotonic() - beganAt)) / 10 }
    // What is damaged elsewhere in the file fails only what meets it.
    const damage = store.damage()
    if (damage === undefined) return { state: 'healthy', details }
    return { state: 'degraded', why: damage.message, cure: damage.hint, details: { ...details, code: damage.code } }
  }
  // A scope of settings that is nobody's, one for each daemon of a database.
  const scope = `health:${store.nodeId}`
  const whoHolds = async (): Promise<AppError | undefined> => {
    const pid = config.store.url === undefined ? await writerOf(places.storeFile) : undefined
    return pid === undefined ? undefined : storeHeld(places.storeFile, pid)
  }
  const write = async (): Promise<void> => {
    try {
      await store.commit({ changes: [putSettings(scope, {})] })
    } catch (error) {
      throw (errorShapeOf(error).code === 'STORE_LOCKED' ? await whoHolds() : undefined) ?? error
    }
  }
  return [
    { ...vital, name: 'store read', look: () => timed(() => store.settings.get(scope)) },
    { ...vital, name: 'store write', look: () => timed(write), whyLate: whoHolds },
  ]
}

export function logPart(log: OpenLog, file: string): Probe {
  return {
    ...usual,
    name: 'log',
    everyMs: 5000,
    async look() {
      const problem = log.check()
      const details = { file, level: log.level() }
      if (problem === null) return { state: 'healthy', details }
      // What `tandem check` finds there says it better than the system's own words; it finds nothing of a full disk.
      const found = await lookAtLog({ logFile: file }).then(() => undefined, errorShapeOf)
      const why = `${found?.message ?? problem}; lines go to standard error instead`
      return { state: 'degraded', why, cure: found?.hint ?? cureOfLog(file), details: { ...details, problem } }
    },
  }
}

/** The log goes on by itself once it can be written. */
const cureOfLog = (file: string): string =>
  `see what is there (ls -ld ${shellQuote(file)}); if it is not a file of yours: mv ${shellQuote(file)} ${shellQuote(`${file}.old`)}`

export function codexPart({ codex, clock }: Pick<DaemonHealthDeps, 'codex' | 'clock'>): Probe {
  return {
    ...usual,
    name: 'codex',
    async look() {
      const { state } = codex
      const { kind, version, path, pid } = codex.describe()
      const details = {
        kind,
        version,
        path,
        pid,
        last_answer_at: state.kind === 'ready' ? await lastAnswer() : null,
        breaker: kind === 'broken' ? 'open' : 'closed',
        last_error: 'lastError' in state ? state.lastError : null,
        next_try_at: 'untilMs' in state ? state.untilMs : null,
      }
      const problem = kind === 'missing' ? codex.problem() : undefined
      return {
        ...judgementOf(codex.describe(), problem),
        details: problem === undefined ? details : { ...details, code: problem.code },
      }
    },
  }

  async function lastAnswer(): Promise<number | null> {
    try {
      const connection = await codex.connection({ timeoutMs: 1 })
      return Math.round(clock.now() - (clock.monotonic() - connection.lastByteAtMs()))
    } catch {
      // It ended right now: its state tells.
      return null
    }
  }
}

function judgementOf(codex: ReturnType<LateCodex['describe']>, problem: ErrorShape | undefined): Finding {
  const because = codex.detail === null ? '' : `: ${codex.detail}`
  const again = 'it is started again by itself; see why it dies: tandem logs'
  switch (codex.kind) {
    case 'missing':
      return { state: 'degraded', why: codex.detail ?? 'it is not there', cure: cureOfMissing(problem) }
    case 'stopped':
      return { state: 'degraded', why: 'it was stopped', cure: 'start the daemon anew: tandem restart' }
    case 'backing-off':
      return { state: 'degraded', why: `it died${because}`, cure: again }
    case 'broken':
      return { state: 'degraded', why: `it died too often and is left alone for a while${because}`, cure: again }
    case 'starting':
      // A start after a failure is no better than the failure, until it is ready.
      return because === ''
        ? untestedOr(codex)
        : { state: 'degraded', why: `it does not get ready${because}`, cure: again }
    case 'idle':
    case 'ready':
      return untestedOr(codex)
  }
}

/** The daemon keeps the PATH of its start; only whoever reads this knows whether the own shell has another. */
function cureOfMissing(problem: ErrorShape | undefined): string {
  if (problem?.code === 'CODEX_NOT_FOUND')
    return `${problem.hint ?? 'install Codex'}; then, or where \`codex --version\` works already: tandem restart`
  return problem?.hint ?? 'see what is wrong: tandem check'
}

const untestedOr = (codex: ReturnType<LateCodex['describe']>): Finding =>
  codex.is_tested_version === false ? untested(codex) : { state: 'healthy' }

const untested = ({ version, tested_range }: ReturnType<LateCodex['describe']>): Finding => ({
  state: 'degraded',
  why: `version ${version ?? '?'} was not tested with this Tandem (tested: ${tested_range})`,
  cure: `if turns fail: npm install --global @openai/codex@${testedRange.from}; tandem restart`,
})

export function httpPart(state: () => HttpState | undefined): Probe {
  return {
    ...usual,
    name: 'http',
    look() {
      const now = state()
      if (now === undefined) return { state: 'healthy', details: { kind: 'starting' } }
      if (now.kind !== 'failed') return { state: 'healthy', details: now }
      return { state: 'degraded', why: now.error.message, cure: now.error.hint, details: { code: now.error.code } }
    },
  }
}

export function supervisorPart(isSupervised: () => boolean): Probe {
  // In the foreground there is none, because somebody wanted it so.
  const was = isSupervised()
  return {
    ...usual,
    name: 'supervisor',
    look() {
      const details = { is_supervised: isSupervised() }
      if (!was || details.is_supervised) return { state: 'healthy', details }
      const why = 'the supervisor was ended: nobody brings the daemon back when it dies'
      return { state: 'degraded', why, cure: 'start both anew: tandem restart', details }
    },
  }
}
