import { createClient, down } from '#client'
import { messageOf, within } from '#kernel'
import { startScriptedModel } from '#scripted-model'
import { claudeEndedBadly } from './errors.ts'
import { sessionOf } from './checks.ts'
import { startClaude } from './claude.ts'
import { crashInTheMiddle } from './crash.ts'
import { readFiles, readHistory, readStore, wordsOfFiles, wordsOfHistory, wordsOfStore } from './evidence.ts'
import { createNarrator } from './narrator.ts'
import { furnish, makeProbeHome, projectDirIn } from './place.ts'
import { findPrograms } from './programs.ts'
import { claudeTools, demoScenario, gate } from './scenario.ts'
import { emptyTranscript, withNote } from './transcript.ts'
import { unlessAborted } from './unless-aborted.ts'
import { watchEvents } from './watch.ts'
import { task } from './words.ts'
import type { Client, LifecycleDeps } from '#client'
import type { Clock } from '#kernel'
import type { ScriptedModel } from '#scripted-model'
import type { Evidence } from './checks.ts'
import type { Recovery } from './crash.ts'
import type { DemoPlace } from './place.ts'
import type { Programs } from './programs.ts'
import type { Screen } from './screen.ts'
import type { Transcript } from './transcript.ts'

export interface PlayDeps {
  readonly version: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly packageDir: string
  /** Private and empty. */
  readonly root: string
  readonly screen: Screen
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** The whole story, and what is known when it is over. Rejects when it could not begin, or was aborted; everything it started is ended then, too. */
export async function play(deps: PlayDeps): Promise<Evidence> {
  const { root, screen, clock, signal } = deps
  const path = deps.env['PATH'] ?? ''
  const wanted = { path, packageDir: deps.packageDir, home: await makeProbeHome(root) }
  const programs = await unlessAborted(findPrograms(wanted), signal)
  await using model = await startScriptedModel({ scenario: demoScenario(projectDirIn(root)) })
  const place = await furnish(root, { env: deps.env, programs, modelUrl: model.url })
  introduce(screen, { place, programs, model })
  const lifecycle = lifecycleOf(deps, place)
  await using _daemon = { [Symbol.asyncDispose]: () => stopDaemon(lifecycle, deps) }
  await using client = createClient(lifecycle)
  const told = await tellStory({ ...deps, place, model, client })
  screen.heading('Is it true? The store, the files and Codex itself are asked.')
  const store = await attempt(deps, readStore(client, place, signal))
  if (store !== undefined) screen.line(wordsOfStore(store))
  const files = await attempt(deps, readFiles(place, signal))
  if (files !== undefined) screen.line(wordsOfFiles(files))
  await stopDaemon(lifecycle, deps)
  const session = sessionOf(told.transcript)
  const history = session === null ? undefined : await attempt(deps, readHistory({ place, programs, clock }, session))
  if (history !== undefined) screen.line(wordsOfHistory(history))
  signal.throwIfAborted()
  return { ...told, programs, requests: model.requests, store, files, history }
}

function introduce(
  screen: Screen,
  { place, programs, model }: { readonly place: DemoPlace; readonly programs: Programs; readonly model: ScriptedModel },
): void {
  screen.heading('Claude Code and Codex as one team')
  screen.line(`The model is SCRIPTED: what it says was written in advance, and ${model.url} plays it. No account, no network.
The rest is real: Claude Code ${programs.claudeVersion}, Codex ${programs.codexVersion}, the daemon, the commands, the files, the kill.
Everything is in ${place.root}; nothing of yours is touched.`)
  screen.heading('What the person types')
  screen.line(task)
}

interface StoryDeps extends PlayDeps {
  readonly place: DemoPlace
  readonly model: ScriptedModel
  readonly client: Client
}

async function tellStory(
  deps: StoryDeps,
): Promise<{ readonly transcript: Transcript; readonly recovery: Recovery | undefined }> {
  const { place, model, client, screen, clock, signal } = deps
  const narrator = createNarrator(screen)
  let transcript = emptyTranscript
  await using watch = watchEvents(client, clock, event => narrator.codex(event))
  await using claude = startClaude({
    place,
    packageDir: deps.packageDir,
    task,
    tools: claudeTools,
    onNote(note) {
      transcript = withNote(transcript, note, clock.now())
      narrator.claude(note)
    },
  })
  const over = new AbortController()
  const story = { screen, signal: AbortSignal.any([signal, over.signal]) }
  const crash = attempt(
    story,
    crashInTheMiddle({ model, client, watch, say: line => screen.line(line), signal: story.signal }),
  ).finally(() => {
    // Should the crash not have come about, Claude would wait for an answer that hangs on purpose.
    model.release(gate)
  })
  const end = await unlessAborted(claude.ended, signal)
  if (end.code === 0) await within(clock, eventsLateMs, crash)
  const bad = claudeEndedBadly(end.signal ?? `ended with ${end.code ?? 'nothing'}`, end.lastWords)
  over.abort(bad)
  const recovery = await crash
  if (transcript.uses.length === 0) throw bad
  if (end.code !== 0) screen.line(`It failed: ${bad.message}`)
  return { transcript, recovery }
}

/** What fails is said, and missing afterwards; the checks then say so. */
async function attempt<T>(
  { screen, signal }: { readonly screen: Screen; readonly signal: AbortSignal },
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    // Whoever left knows that this was not done.
    if (!signal.aborted) screen.line(`It failed: ${messageOf(error)}`)
    return undefined
  }
}

function lifecycleOf({ version, clock }: PlayDeps, place: DemoPlace): LifecycleDeps {
  const never = (): Promise<never> => Promise.reject(new Error('the demo starts no daemon itself'))
  return { places: place.places, clock, identity: { name: 'tandem demo', version }, launch: never, runDaemon: never }
}

async function stopDaemon(lifecycle: LifecycleDeps, deps: PlayDeps): Promise<void> {
  await attempt(deps, down(lifecycle, { graceMs: 0 }))
}

/** Claude may be done before the last event of the daemon has come to us. */
const eventsLateMs = 10_000
