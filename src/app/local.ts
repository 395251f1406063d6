import { once } from 'node:events'
import { createServer } from 'node:net'
import { configSchema } from '#contracts'
import { AppError, systemClock, systemCodeOf } from '#kernel'
import { installIntoClaude, removeFromClaude, runCheck, runDoctor } from '#local'
import { assertSocketPathFits, inspectSocket } from './claim-socket.ts'
import { onLeave } from './connect.ts'
import { portInUse } from './errors.ts'
import { inspectHttpToken } from './http-token.ts'
import { takeLock } from './lock.ts'
import { readConfig } from './read-config.ts'
import { createPolicySource } from './read-policy.ts'
import type { ClaudeInstallRequest, DoctorRequest } from '#cli'
import type { ClaudeReport, FindingsReport } from '#contracts'
import type { CheckDeps } from '#local'
import type { Environment } from './environment.ts'

/* What `local` is given of this process, for commands that run beside the daemon. */

export function checkHere(environment: Environment): Promise<FindingsReport> {
  return runCheck(checkDeps(environment))
}

/** The end of the session ends it in order, as the caller's own signal does. */
export async function doctorHere(environment: Environment, request: DoctorRequest): Promise<FindingsReport> {
  const leaving = new AbortController()
  using _listening = onLeave(() => leaving.abort())
  const signal = AbortSignal.any([leaving.signal, request.signal])
  return await runDoctor({ ...checkDeps(environment), homeDir: environment.homeDir, onStep: request.onStep, signal })
}

export function installHere(environment: Environment, request: ClaudeInstallRequest): Promise<ClaudeReport> {
  return installIntoClaude(claudeDeps(environment), request)
}

export function uninstallHere(
  environment: Environment,
  request: Omit<ClaudeInstallRequest, 'isForced'>,
): Promise<ClaudeReport> {
  return removeFromClaude(claudeDeps(environment), request)
}

const claudeDeps = ({ env, homeDir, cwd, packageDir, places, version }: Environment) => ({
  homeDir,
  /** Where Claude Code (2.1.329) keeps what is its person's. */
  claudeDir: env['CLAUDE_CONFIG_DIR'],
  cwd,
  packageDir,
  configDir: places.configDir,
  version,
  clock: systemClock,
})

function checkDeps(environment: Environment): CheckDeps {
  const { places, env, codexHome, packageDir, version } = environment
  return {
    places,
    env,
    codexHome,
    packageDir,
    version,
    clock: systemClock,
    readConfig: () => readConfig(places.configFile),
    defaultConfig: configSchema.parse({}),
    readPolicy: () => createPolicySource(places.policyFile).read(),
    assertSocketPathFits,
    inspectSocket,
    tryLock: async () => (await takeLock(places, systemClock, 0))[Symbol.dispose](),
    inspectHttpToken,
    assertPortFree,
  }
}

async function assertPortFree(port: number): Promise<void> {
  const server = createServer()
  try {
    const listening = once(server, 'listening')
    server.listen({ port, host: '127.0.0.1', exclusive: true })
    await listening
  } catch (error) {
    if (error instanceof AppError) throw error
    throw portInUse(port, systemCodeOf(error) ?? 'it cannot be listened on', error)
  } finally {
    server.close()
  }
}
