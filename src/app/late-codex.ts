import { findCodex, probeCodexVersion, startCodexHost, testedRange } from '#codex'
import { cancelled, errorShapeOf } from '#kernel'
import type { CodexBinary, CodexHost, CodexHostDeps, CodexState, CodexVersion, FindCodexOptions } from '#codex'
import type { VerbOutput } from '#contracts'
import type { ErrorShape } from '#kernel'

/** The host as agents see it, and what `status` says of it. */
export interface LateCodex extends CodexHost {
  describe(): VerbOutput<'status'>['codex']
  /** Why it could not be used at the last try. */
  problem(): ErrorShape | undefined
}

type LateCodexDeps = Omit<CodexHostDeps, 'binary'> & { readonly find: FindCodexOptions }

/**
 * A Codex host for a machine on which Codex may not be installed yet: the daemon serves all the same, each turn that needs
 * Codex gets the reason, and the first one after the installation finds it.
 */
export function startLateCodex(deps: LateCodexDeps): LateCodex {
  const codex = new LateCodexHost(deps)
  // Not awaited: asking the program for its version takes longer than everything else that a daemon does to start.
  codex.warmUp()
  return codex
}

class LateCodexHost implements LateCodex {
  readonly #deps: LateCodexDeps
  readonly #listeners = new Set<(state: CodexState) => void>()
  #host: CodexHost | undefined
  #binary: CodexBinary | undefined
  #version: CodexVersion | undefined
  #problem: ErrorShape | undefined
  #starting: Promise<CodexHost> | undefined
  readonly #stopping = new AbortController()

  constructor(deps: LateCodexDeps) {
    this.#deps = deps
  }

  get state(): CodexState {
    return this.#host?.state ?? { kind: 'idle' }
  }

  warmUp(): void {
    this.#ready().catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return
      this.#deps.log.warn({ error: errorShapeOf(error) }, 'codex is not usable; turns fail until it is')
    })
  }

  async connection(...request: Parameters<CodexHost['connection']>): ReturnType<CodexHost['connection']> {
    const host = await unlessAborted(this.#ready(), request[0].signal)
    return host.connection(...request)
  }

  onState(listener: (state: CodexState) => void): Disposable {
    if (this.#host !== undefined) return this.#host.onState(listener)
    const late = (state: CodexState): void => listener(state)
    this.#listeners.add(late)
    return { [Symbol.dispose]: () => void this.#listeners.delete(late) }
  }

  async restart(reason: string): Promise<void> {
    await this.#host?.restart(reason)
  }

  describe(): VerbOutput<'status'>['codex'] {
    const { state } = this
    return {
      kind: this.#kind(),
      version: state.kind === 'ready' ? state.version : (this.#version?.text ?? null),
      path: this.#binary?.path ?? null,
      pid: state.kind === 'ready' ? state.pid : null,
      is_tested_version: this.#version?.isTested ?? null,
      tested_range: `${testedRange.from} to ${testedRange.to}`,
      detail: this.#problem?.message ?? ('lastError' in state ? state.lastError : null),
    }
  }

  problem(): ErrorShape | undefined {
    return this.#problem
  }

  #kind(): VerbOutput<'status'>['codex']['kind'] {
    if (this.#host !== undefined) return this.#host.state.kind
    return this.#starting === undefined ? 'missing' : 'starting'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#starting?.catch(() => undefined /* it is in the log */)
    await this.#host?.[Symbol.asyncDispose]()
  }

  #ready(): Promise<CodexHost> {
    if (this.#host !== undefined) return Promise.resolve(this.#host)
    this.#starting ??= this.#start().finally(() => void (this.#starting = undefined))
    return this.#starting
  }

  async #start(): Promise<CodexHost> {
    try {
      const binary = await findCodex(this.#deps.find)
      this.#binary = binary
      const { env, umask } = this.#deps
      this.#version = await probeCodexVersion(binary, { timeoutMs: probeMs, env, umask, signal: this.#stopping.signal })
      if (!this.#version.isTested)
        this.#deps.log.warn({ version: this.#version.text, tested: testedRange }, 'this version of codex is not tested')
      const host = await startCodexHost({ ...this.#deps, binary })
      for (const listener of this.#listeners) host.onState(listener)
      this.#problem = undefined
      this.#host = host
      return host
    } catch (error) {
      this.#problem = errorShapeOf(error)
      throw error
    }
  }
}

/** The work goes on, for others who wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  const left = Promise.withResolvers<never>()
  const leave = (): void => left.reject(cancelled('waiting for codex', signal.reason))
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave, { once: true })
  return Promise.race([work, left.promise]).finally(() => signal.removeEventListener('abort', leave))
}

const probeMs = 10_000
