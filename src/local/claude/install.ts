import { access, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { claudeFilesInTheWay } from './errors.ts'
import { changeClaudeFile, readClaudeFile } from './claude-file.ts'
import { applyFiles, planFiles, planRemovals } from './files.ts'
import { installOf, readManifest, withInstall, writeManifest } from './manifest.ts'
import { isSameJson, withoutServer, withServer } from './server-entry.ts'
import { placeOf, serverOf, shippedFiles } from './shipped.ts'
import { memberText } from './json-member.ts'
import type { ClaudeChange, ClaudeReport, ClaudeScope } from '#contracts'
import type { Clock } from '#kernel'
import type { Install, InstallKey } from './manifest.ts'
import type { ServerRecord, WantedServer } from './server-entry.ts'

export interface ClaudeDeps {
  readonly homeDir: string
  /** `$CLAUDE_CONFIG_DIR`. */
  readonly claudeDir: string | undefined
  /** The project, for the scopes that have one. */
  readonly cwd: string
  readonly packageDir: string
  /** Where what was written is remembered. */
  readonly configDir: string
  readonly version: string
  readonly clock: Clock
}

export interface InstallRequest {
  readonly scope: ClaudeScope
  readonly isForced: boolean
  readonly isDryRun: boolean
}

/**
 * Server, commands and skill into the user's own Claude Code. Nothing is changed when anything is in the way: CLAUDE_FILES_IN_THE_WAY,
 * CLAUDE_FILE_UNREADABLE. Again is an update. What was written is on record before it is written.
 */
export async function installIntoClaude(deps: ClaudeDeps, request: InstallRequest): Promise<ClaudeReport> {
  const { scope, isForced, isDryRun } = request
  const { place, key } = await whereOf(deps, scope)
  const manifest = await readManifest(deps.configDir)
  const prior = installOf(manifest, key)
  const wanted = { file: place.serverFile, path: place.serverPath, value: serverOf(scope, deps.packageDir) }
  const plan = await planFiles(place.directory, await shippedFiles(scope, deps.packageDir), prior, { isForced })
  const text = await readClaudeFile(wanted.file)
  const server = serverChange(text, wanted, prior?.server, { isForced })
  const inTheWay = [...plan.inTheWay, ...(server === undefined ? [targetOf(wanted)] : [])]
  if (inTheWay.length > 0) throw claudeFilesInTheWay(inTheWay, `tandem claude install --scope ${scope} --force`)
  // What would go into the file is found out in any case: a text in which there is no place for it is refused before anything is written.
  const { record } = withServer(text, wanted, prior?.server)
  const changes = [...(server === undefined ? [] : [server]), ...plan.changes]
  const notes = notesOf(scope, isDryRun)
  if (isDryRun) return { scope, is_dry_run: true, changes, notes }
  const install: Install = {
    ...key,
    version: deps.version,
    files: [...plan.files],
    directories: [...plan.directories],
    server: { ...record, undo: null },
  }
  await writeManifest(deps.configDir, withInstall(manifest, key, install))
  await applyFiles(plan)
  const written = server?.action === 'kept' ? prior?.server : await writeServer(deps.clock, wanted, prior?.server)
  await writeManifest(deps.configDir, withInstall(manifest, key, { ...install, server: written ?? record }))
  return { scope, is_dry_run: false, changes, notes }
}

async function writeServer(
  clock: Clock,
  wanted: WantedServer,
  prior: ServerRecord | undefined,
): Promise<ServerRecord | undefined> {
  let record: ServerRecord | undefined
  await changeClaudeFile(wanted.file, clock, text => {
    const next = withServer(text, wanted, prior)
    record = next.record
    return next.text
  })
  return record
}

/** Takes out exactly what the install put in; what was changed since stays and is named. Nothing installed is no failure. */
export async function removeFromClaude(
  deps: ClaudeDeps,
  { scope, isDryRun }: Omit<InstallRequest, 'isForced'>,
): Promise<ClaudeReport> {
  const { key } = await whereOf(deps, scope)
  const manifest = await readManifest(deps.configDir)
  const install = installOf(manifest, key)
  if (install === undefined)
    return {
      scope,
      is_dry_run: isDryRun,
      changes: [],
      notes: [`nothing of Tandem is installed in the scope ${scope} here`],
    }
  const { server } = install
  // Read before anything is removed: a file that cannot be read stops all of it.
  const change = removalOf(await readClaudeFile(server.file), server)
  const plan = await planRemovals(install.files, install.directories)
  const changes = [change, ...plan.changes]
  if (isDryRun) return { scope, is_dry_run: true, changes, notes: [] }
  await changeClaudeFile(server.file, deps.clock, text => {
    const removal = withoutServer(text, server)
    return 'text' in removal ? removal.text : text
  })
  await applyFiles(plan)
  await writeManifest(deps.configDir, withInstall(manifest, key, undefined))
  return {
    scope,
    is_dry_run: false,
    changes,
    notes: ['a Claude Code that runs has the tools until it is started anew'],
  }
}

async function whereOf(
  deps: ClaudeDeps,
  scope: ClaudeScope,
): Promise<{ readonly place: ReturnType<typeof placeOf>; readonly key: InstallKey }> {
  const project = scope === 'local' ? await repositoryOf(deps.cwd) : deps.cwd
  const place = placeOf(scope, { homeDir: deps.homeDir, claudeDir: deps.claudeDir, project })
  return { place, key: { scope, project: scope === 'user' ? null : project, claude_dir: place.directory } }
}

/** What is one person's in one project Claude Code (2.1.329) keeps under the root of its repository, without links. */
async function repositoryOf(cwd: string): Promise<string> {
  const start = await realpath(cwd)
  for (let at = start; ; at = dirname(at)) {
    const isRoot = await access(join(at, '.git')).then(
      () => true,
      () => false,
    )
    if (isRoot) return at
    if (dirname(at) === at) return start
  }
}

const targetOf = ({ file, path }: Pick<WantedServer, 'file' | 'path'>): string => `${file}: ${path.join('.')}`

/** Undefined: a server of this name that is the user's own is in the way. */
function serverChange(
  text: string | undefined,
  wanted: WantedServer,
  prior: ServerRecord | undefined,
  { isForced }: { readonly isForced: boolean },
): ClaudeChange | undefined {
  const there = text === undefined ? undefined : memberText(text, wanted.path)
  const change = (action: ClaudeChange['action'], note: string | null = null): ClaudeChange => ({
    target: targetOf(wanted),
    action,
    note,
  })
  if (there === undefined) return change('added')
  if (isSameJson(there, wanted.value))
    return change('unchanged', prior === undefined ? 'was there already, and stays' : null)
  if (prior !== undefined && isSameJson(there, prior.value)) return change('updated')
  if (isForced) return change('replaced', 'yours comes back with the removal')
  return prior === undefined ? undefined : change('kept', 'you have changed it since; --force replaces it')
}

function removalOf(text: string | undefined, server: ServerRecord): ClaudeChange {
  const target = targetOf(server)
  const { kind } = withoutServer(text, server)
  switch (kind) {
    case 'removed':
      return { target, action: 'removed', note: null }
    case 'restored':
      return { target, action: 'restored', note: null }
    case 'gone':
      return { target, action: 'unchanged', note: 'was removed already' }
    case 'changed':
      return { target, action: 'kept', note: 'you have changed it since' }
  }
}

function notesOf(scope: ClaudeScope, isDryRun: boolean): readonly string[] {
  if (isDryRun) return ['nothing was changed']
  const used = 'start Claude Code anew: it has the tools mcp__tandem__codex, codex_ask, codex_wait and more'
  switch (scope) {
    case 'user':
      return [`${used}, the commands /codex-ask, /codex-status, /codex-config, …, and a skill`]
    case 'project':
      return [
        `${used}, the commands /codex-ask and /codex-status, and a skill`,
        'whoever works on this project needs `tandem` on PATH, and Claude Code asks them once whether they want the server',
        'the commands that change settings are left out: they need the place of one machine’s Tandem',
      ]
    case 'local':
      return [used, 'Claude Code has no commands and skills in this scope: `--scope user` brings them']
  }
}
