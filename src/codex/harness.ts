import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codexConfigFor, startScriptedModel } from '#scripted-model'
import { silentLog, systemClock } from '#kernel'
import { codexEnvironment, findCodex, startCodexHost } from './index.ts'
import { identityOf } from './process-tree.ts'
import type { Scenario, ScriptedModel } from '#scripted-model'
import type { CodexBinary, CodexConnection, CodexEvent, CodexHost, CodexHostDeps } from './index.ts'

/** Directories of one test, removed at its end. */
export interface Place extends AsyncDisposable {
  readonly home: string
  /** HOME and CODEX_HOME. */
  readonly codexHome: string
  readonly work: string
  readonly stateDir: string
}

export async function openPlace(): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), 'tandem-codex-'))
  const place = { home, codexHome: join(home, 'codex'), work: join(home, 'work'), stateDir: join(home, 'state') }
  for (const folder of [place.codexHome, place.work, place.stateDir]) await mkdir(folder)
  const remove = (): Promise<void> => rm(home, { recursive: true, force: true, maxRetries: 10 })
  return { ...place, [Symbol.asyncDispose]: remove }
}

/** A program that answers the handshake and then does what `body` says, with `send(object)` and `raw(text)` at hand. */
export async function fakeCodex(place: Place, body: string): Promise<CodexBinary> {
  const path = join(place.home, 'fake-codex')
  const text = `#!${process.execPath}
const raw = text => process.stdout.write(text)
const send = message => raw(JSON.stringify(message) + '\\n')
let on = message => send({ id: message.id, error: { code: -32600, message: 'no answer for ' + message.method } })
${body}
let held = ''
process.stdin.on('data', chunk => {
  held += chunk
  for (let end = held.indexOf('\\n'); end >= 0; end = held.indexOf('\\n')) {
    const message = JSON.parse(held.slice(0, end))
    held = held.slice(end + 1)
    if (message.method === 'initialize') send({ id: message.id, result: { userAgent: 'tandem/0.169.7 (fake)' } })
    else if (message.method === 'config/read') send({ id: message.id, result: { config: {} } })
    else if (message.method !== 'initialized') on(message)
  }
})
`
  await writeFile(path, text)
  await chmod(path, 0o755)
  return { path, executable: path, source: 'configuration' }
}

export type HostOptions = Partial<Omit<CodexHostDeps, 'stateDir'>>

export function hostIn(place: Place, binary: CodexBinary, options: HostOptions = {}): Promise<CodexHost> {
  return startCodexHost({
    binary,
    env: environmentOf(place),
    stateDir: place.stateDir,
    clock: systemClock,
    log: silentLog,
    ...options,
  })
}

export function environmentOf(place: Place): Readonly<Record<string, string>> {
  return codexEnvironment({ PATH: '/usr/local/bin:/usr/bin:/bin', HOME: place.codexHome, CODEX_HOME: place.codexHome })
}

export const realCodex = (): Promise<CodexBinary> => findCodex({ path: '', packageRoot: import.meta.dirname })

export interface RealCodex extends AsyncDisposable {
  readonly place: Place
  readonly model: ScriptedModel
  readonly host: CodexHost
  connect(): Promise<CodexConnection>
}

/** The real program on a scripted model. `config` is appended to its config.toml, first to the provider's table. */
export async function startRealCodex(
  scenario: Scenario,
  options: HostOptions & { readonly config?: string } = {},
): Promise<RealCodex> {
  await using started = new AsyncDisposableStack()
  const place = started.use(await openPlace())
  const model = started.use(await startScriptedModel({ scenario }))
  await writeFile(join(place.codexHome, 'config.toml'), `${codexConfigFor(model.url)}${options.config ?? ''}\n`)
  const host = started.use(await hostIn(place, await realCodex(), options))
  const running = started.move()
  return {
    place,
    model,
    host,
    connect: () => host.connection({ timeoutMs: 15_000 }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export interface Watch extends Disposable {
  readonly events: readonly CodexEvent[]
  /** The first event of the kind that fits, past or future. */
  until<K extends CodexEvent['kind']>(kind: K, fits?: (event: EventOfKind<K>) => boolean): Promise<EventOfKind<K>>
}
export type EventOfKind<K extends CodexEvent['kind']> = Extract<CodexEvent, { readonly kind: K }>

/** Collects the events of a connection. */
export function watch(connection: CodexConnection): Watch {
  const events: CodexEvent[] = []
  const waiting = new Set<() => void>()
  const listening = connection.onEvent(event => {
    events.push(event)
    for (const look of Array.from(waiting)) look()
  })
  const isOf = <K extends CodexEvent['kind']>(event: CodexEvent, kind: K): event is EventOfKind<K> =>
    event.kind === kind
  return {
    events,
    until: (kind, fits = () => true) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`no ${kind}; seen: ${events.map(event => event.kind).join(' ')}`))
        }, 15_000)
        const look = (): void => {
          for (const event of events) {
            if (!isOf(event, kind) || !fits(event)) continue
            clearTimeout(timer)
            waiting.delete(look)
            return resolve(event)
          }
        }
        waiting.add(look)
        look()
      }),
    [Symbol.dispose]: () => listening[Symbol.dispose](),
  }
}

/** Looks again every 20 ms until it holds; fails after 10 s. For what only the system knows, such as processes. */
export async function eventually(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** What a fake program is played with. Disposing ends it. */
export interface StartedFake extends AsyncDisposable {
  readonly place: Place
  readonly host: CodexHost
  /** Of the host, in order. */
  readonly states: readonly string[]
}

/** A host whose program is `fakeCodex` with this body. */
export async function startFake(body: string, options: HostOptions = {}): Promise<StartedFake> {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await openPlace())
  const host = stack.use(await hostIn(place, await fakeCodex(place, body), options))
  const states: string[] = []
  stack.use(host.onState(state => states.push(state.kind)))
  const running = stack.move()
  return { place, host, states, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

/** The code of what the work failed with, or 'done'. */
export const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
  )

export const isAlive = (pid: number): boolean => identityOf(pid) !== null

export const soon = { timeoutMs: 10_000 }

/** Restarts that a test does not wait for. */
export const quick = { firstDelayMs: 5, maxDelayMs: 10 }
