import { fileURLToPath } from 'node:url'
import { launchSupervised } from '#client'
import type { LaunchedDaemon } from '#client'
import type { Environment } from './environment.ts'

/** Starts our own daemon under its supervisor. The directories are checked here, where a person sees what is wrong. */
export async function launchDaemon(environment: Environment): Promise<LaunchedDaemon> {
  const { places } = environment
  const { ensurePrivateDirectory } = await import('#ops')
  await ensurePrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
  await ensurePrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
  return launchSupervised({
    places,
    supervisor: fileURLToPath(new URL('./supervisor.sh', import.meta.url)),
    command: [process.execPath, fileURLToPath(new URL('./main.ts', import.meta.url)), 'daemon'],
    env: daemonEnvironment(environment),
  })
}

/** The caller's own, with the directories spelled out (it runs in another one), and without what says that we run inside of a Claude session. */
function daemonEnvironment({ env, places, codexHome }: Environment): Readonly<Record<string, string | undefined>> {
  const { CLAUDE_CODE_SESSION_ID: _session, CLAUDE_PROJECT_DIR: _project, ...rest } = env
  return {
    ...rest,
    ...(env['CODEX_HOME'] ? { CODEX_HOME: codexHome } : {}),
    TANDEM_CONFIG_DIR: places.configDir,
    TANDEM_STATE_DIR: places.stateDir,
    TANDEM_RUNTIME_DIR: places.runtimeDir,
  }
}
