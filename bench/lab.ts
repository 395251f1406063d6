import { accessSync, constants, cpSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openTandemWorld } from '../test/support/tandem-world.ts'
import type { Figure, Lab, Measurement } from './figure.ts'

const root = resolve(import.meta.dirname, '..')

export interface LabOptions {
  readonly isQuick: boolean
  readonly say: (line: string) => void
}

/** A lab for one figure; dispose it, and everything that the figure opened is gone. */
function openLab({ isQuick, say }: LabOptions): Lab & AsyncDisposable {
  const opened = new AsyncDisposableStack()
  const use: Lab['use'] = part => opened.use(part)
  return {
    isQuick,
    program: join(root, 'dist'),
    say,
    rounds: (full, atLeast = 2) => (isQuick ? Math.max(atLeast, Math.round(full / 10)) : full),
    use,
    async openWorld(rules, config) {
      const world = await openTandemWorld(rules, config)
      use(world)
      const home = join(world.folder, 'raw')
      mkdirSync(join(home, 'codex'), { recursive: true, mode: 0o700 })
      cpSync(join(world.folder, 'codex', 'config.toml'), join(home, 'codex', 'config.toml'))
      return { ...world, rawEnv: { ...world.env, HOME: home, CODEX_HOME: join(home, 'codex') } }
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

/** The program that this machine lacks for a figure; undefined when it can be measured. */
export function missingFor({ needs }: Figure): string | undefined {
  if (needs === undefined) return undefined
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.some(folder => isProgram(join(folder, needs))) ? undefined : needs
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not here: the next folder.
    return false
  }
}

/** Measures one figure in a lab of its own. `interrupted` closes the lab under it; then this rejects. */
export async function measure(
  figure: Figure,
  options: LabOptions & { readonly interrupted: AbortSignal },
): Promise<readonly Measurement[]> {
  await using lab = openLab(options)
  const { interrupted } = options
  interrupted.throwIfAborted()
  const stop = Promise.withResolvers<never>()
  const leave = (): void => stop.reject(interrupted.reason)
  interrupted.addEventListener('abort', leave, { once: true })
  try {
    const running = figure.run(lab)
    // What it waits for fails when the lab is closed; the interruption is what is told.
    running.catch(() => undefined)
    return await Promise.race([running, stop.promise])
  } finally {
    interrupted.removeEventListener('abort', leave)
  }
}
