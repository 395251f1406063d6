import { stateIdentityOf } from '#client'
import { configSchema, socketProtocol } from '#contracts'
import { AppError, errorShapeOf, messageOf, plain, systemClock } from '#kernel'
import { ensurePrivateDirectory, openLog } from '#ops'
import { startSocketDoor } from '#socket'
import { assertSocketPathFits, claimSocket } from './claim-socket.ts'
import { closeAll } from './close-all.ts'
import { composeRooms } from './compose.ts'
import { exitCodeOfStart, exitCodes } from './errors.ts'
import { httpUrlOf, openHttpDoor } from './http-door.ts'
import { watchIdleDaemon } from './idle.ts'
import { keepSocket } from './keep-socket.ts'
import { takeLock } from './lock.ts'
import { publishAddress } from './publish-address.ts'
import { readConfig } from './read-config.ts'
import { forgetStartErrors, leaveStartError } from './start-error-file.ts'
import { createStopRequest } from './stop-request.ts'
import type { Config } from '#contracts'
import type { Log } from '#kernel'
import type { OpenLog } from '#ops'
import type { SocketDoor } from '#socket'
import type { Rooms } from './compose.ts'
import type { Environment } from './environment.ts'
import type { LateHttpDoor } from './http-door.ts'
import type { StopRequest } from './stop-request.ts'

/** Serves until it is told to stop; answers the exit code and never rejects. `onServing` is called when clients are served. */
export async function runDaemon(environment: Environment, onServing?: () => void): Promise<number> {
  outliveStandardError()
  // What we write is ours alone unless somebody says otherwise. What Codex writes is the user's.
  const umask = process.umask(0o077)
  const stop = createStopRequest()
  // Before anything starts, so that a signal during the start is not deadly.
  using _signals = listenToSignals(stop)
  const stack = new AsyncDisposableStack()
  const daemon = await start({ environment, stop, umask }, stack).catch((error: unknown) => ({ error }))
  if ('error' in daemon) {
    await reportFailedStart(environment, daemon.error)
    await closeAll(stack, { clock: systemClock, log: terminalLog, maxMs: closeMs })
    return exitCodeOfStart(daemon.error)
  }
  onServing?.()
  const isPaused = await serve(daemon, stop)
  const isClosed = await closeAll(stack, { clock: systemClock, log: daemon.log, maxMs: closeMs })
  return isPaused && isClosed ? exitCodes.ok : exitCodes.stopFailed
}

interface StartDeps {
  readonly environment: Environment
  readonly stop: StopRequest
  /** With which we were started. */
  readonly umask: number
}

interface Daemon {
  readonly config: Config
  readonly log: OpenLog
  readonly rooms: Rooms
  readonly door: SocketDoor
}

async function start({ environment, stop, umask }: StartDeps, stack: AsyncDisposableStack): Promise<Daemon> {
  const { places } = environment
  const clock = systemClock
  const startedAt = clock.now()
  assertSocketPathFits(places.socketPath)
  await ensurePrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
  await ensurePrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
  // From here on everything in the two directories is ours to change.
  stack.use(await takeLock(places, clock))
  const config = await readConfig(places.configFile)
  const log = stack.use(
    openLog({
      file: places.logFile,
      level: config.log.level,
      maxBytes: config.log.max_bytes,
      maxFiles: config.log.max_files,
      clock,
    }),
  )
  stack.use(dieOfFaults(log))
  await claimSocket(places.socketPath)
  const supervisorPid = supervisorOf(environment)
  // The rooms come first, but tell how many clients their door has.
  const late: { door?: SocketDoor; http?: LateHttpDoor; rooms?: Rooms } = {}
  const idle = stack.use(watchIdleDaemon({ config, clock, log, stop, late }))
  const rooms = (late.rooms = stack.use(
    await composeRooms({
      config,
      environment,
      places,
      clock,
      log,
      stop,
      startedAt,
      // Asked each time: a supervisor can be killed, too.
      isSupervised: () => supervisorPid !== undefined && process.ppid === supervisorPid,
      umask,
      clients: () => late.door?.clients ?? 0,
      httpUrl: () => httpUrlOf(late.http),
      http: () => late.http?.state(),
      idle,
    }),
  ))
  await forgetStartErrors(places)
  // Before the door, so that it is there for whoever was answered; who finds it before must knock again.
  const address = stack.use(await publishAddress(places, { version: environment.version, startedAt, supervisorPid }))
  late.door = stack.use(await openDoor({ environment, config, log, rooms, stop }))
  log.info({ version: environment.version, socket: places.socketPath, supervisorPid }, 'daemon started')
  stack.use(await keepSocket({ places, door: late.door, address, clock, log }))
  late.http = stack.use(
    openHttpDoor({ config, places, version: environment.version, verbs: rooms.verbs, stop, clock, log }),
  )
  return { config, log, rooms, door: late.door }
}

function openDoor(deps: {
  readonly environment: Environment
  readonly config: Config
  readonly log: OpenLog
  readonly rooms: Rooms
  readonly stop: StopRequest
}): Promise<SocketDoor> {
  const { environment, config, log, rooms, stop } = deps
  const state = stateIdentityOf(environment.places)
  return startSocketDoor({
    verbs: rooms.verbs,
    identity: () => ({
      protocol: socketProtocol,
      version: environment.version,
      pid: process.pid,
      node_id: rooms.nodeId,
      running: rooms.running(),
      is_stopping: stop.isStopping,
      can_upgrade: rooms.canStop(),
      state_dir: environment.places.stateDir,
      ...(state === undefined ? {} : { state_identity: state }),
    }),
    socketPath: environment.places.socketPath,
    limits: {
      maxClients: config.daemon.max_clients,
      maxFrameBytes: config.daemon.max_frame_bytes,
      maxOutgoingBytes: 4 * config.daemon.max_frame_bytes,
      maxCallsPerClient: 256,
    },
    log,
    homeDir: environment.homeDir,
  })
}

/** Waits for the order to stop and lets the turns end: no new work, then the grace. False when that failed: it is in the log. */
async function serve(daemon: Daemon, stop: StopRequest): Promise<boolean> {
  const { config, door, log, rooms } = daemon
  const order = await stop.ordered
  const graceMs = order.graceMs ?? config.turns.stop_grace_ms
  log.info({ reason: order.reason, graceMs, running: rooms.running() }, 'daemon stops')
  door.stopAccepting(order.reason)
  // The answer to whoever asked for it goes out first.
  await new Promise(resolve => setImmediate(resolve))
  try {
    await rooms.stop({ graceMs, now: stop.now })
  } catch (error) {
    log.error({ error }, 'the turns were not stopped in order')
    return false
  }
  log.info({ running: rooms.running() }, 'daemon stopped')
  return true
}

/**
 * Under the supervisor standard error is the log file, and gets the lines that the log cannot write: on a full disk it fails,
 * too, and a failure that nobody listens to would end the daemon.
 */
function outliveStandardError(): void {
  process.stderr.on('error', () => undefined)
}

function listenToSignals(stop: StopRequest): Disposable {
  const onSignal = (): void => stop.order({ reason: 'down', graceMs: undefined })
  const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  for (const name of names) process.on(name, onSignal)
  return {
    [Symbol.dispose]() {
      for (const name of names) process.off(name, onSignal)
    },
  }
}

/** A fault that nobody caught leaves the state of this process unknown: it is written down, and the supervisor starts another. */
function dieOfFaults(log: OpenLog): Disposable {
  const die = (error: unknown): void => {
    log.error({ error }, 'daemon died of a fault')
    process.exit(exitCodes.software)
  }
  process.on('uncaughtException', die)
  return { [Symbol.dispose]: () => void process.off('uncaughtException', die) }
}

/** The pid of supervisor.sh, when it really is our parent and not only our environment's. */
function supervisorOf(environment: Environment): number | undefined {
  const pid = Number(environment.env['TANDEM_SUPERVISOR_PID'])
  return pid === process.ppid ? pid : undefined
}

/** For the log, for whoever waits for the start, and for whoever looks at the terminal. */
async function reportFailedStart(environment: Environment, error: unknown): Promise<void> {
  const { places } = environment
  const shape = errorShapeOf(error)
  const lines = [`tandem daemon: ${shape.code}: ${shape.message}`, shape.hint].filter(line => line !== undefined)
  process.stderr.write(`${plain(lines.join('\n'))}\n`)
  // The other daemon's affairs are its own: its log, and what it told those who started it.
  if (error instanceof AppError && (error.code === 'DAEMON_ALREADY_RUNNING' || error.code === 'DIRECTORY_UNSAFE'))
    return
  const text = `${JSON.stringify({ at: systemClock.now(), pid: process.pid, error: shape })}\n`
  try {
    await leaveStartError(places, text)
    const { max_bytes: maxBytes } = configSchema.parse({}).log
    // As many as one may keep: the configuration may be what is wrong, and nothing is deleted for not being able to read it.
    await using log = openLog({ file: places.logFile, level: 'info', maxBytes, maxFiles: 365, clock: systemClock })
    log.error({ error }, 'daemon could not start')
  } catch {
    // The directory itself is what is wrong: standard error has told.
  }
}

/** For a start that failed, perhaps before there was a log. */
const terminalLog: Pick<Log, 'error'> = {
  error: ({ error }, event) =>
    void process.stderr.write(plain(`tandem daemon: ${event}${error === undefined ? '' : `: ${messageOf(error)}`}\n`)),
}

/** For clients that do not take their last answer, and a Codex that does not end. */
const closeMs = 10_000
