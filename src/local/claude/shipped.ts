import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { shellWord } from '#kernel'
import { pluginIncomplete } from './errors.ts'
import type { ClaudeScope } from '#contracts'

export interface ClaudePlace {
  /** `~/.claude`, or `.claude` of the project. */
  readonly directory: string
  /** Where the server stands, and the way to it. */
  readonly serverFile: string
  readonly serverPath: readonly string[]
}

export interface ShippedFile {
  /** Below `directory`. */
  readonly path: string
  readonly content: Buffer
}

/** Where Claude Code 2.1.329 looks for what belongs to a scope. */
export function placeOf(
  scope: ClaudeScope,
  deps: { readonly homeDir: string; readonly claudeDir: string | undefined; readonly project: string },
): ClaudePlace {
  const own = deps.claudeDir ?? join(deps.homeDir, '.claude')
  const ownFile = join(deps.claudeDir ?? deps.homeDir, '.claude.json')
  switch (scope) {
    case 'user':
      return { directory: own, serverFile: ownFile, serverPath: ['mcpServers', 'tandem'] }
    case 'project':
      return {
        directory: join(deps.project, '.claude'),
        serverFile: join(deps.project, '.mcp.json'),
        serverPath: ['mcpServers', 'tandem'],
      }
    case 'local':
      return { directory: own, serverFile: ownFile, serverPath: ['projects', deps.project, 'mcpServers', 'tandem'] }
  }
}

/**
 * Claude Code starts the very program that was asked to install it; what a project shares names it by its command, which each machine has
 * elsewhere.
 */
export function serverOf(scope: ClaudeScope, packageDir: string): string {
  const command = scope === 'project' ? 'tandem' : join(packageDir, 'bin', 'tandem')
  return JSON.stringify({ type: 'stdio', command, args: ['mcp'], alwaysLoad: true })
}

/** Commands and skill as they are to stand there: our helper is not on PATH, so that it is named in full. */
export async function shippedFiles(scope: ClaudeScope, packageDir: string): Promise<readonly ShippedFile[]> {
  // Claude Code has no commands that are one person's in one project.
  if (scope === 'local') return []
  const plugin = join(packageDir, 'plugin')
  try {
    const files = await Promise.all(['commands', 'skills'].map(folder => filesBelow(plugin, folder)))
    return files.flat().flatMap(file => fitted(file, scope, plugin))
  } catch (error) {
    throw pluginIncomplete(plugin, error)
  }
}

async function filesBelow(plugin: string, folder: string): Promise<readonly ShippedFile[]> {
  const entries = await readdir(join(plugin, folder), { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  return Promise.all(
    files.toSorted().map(async file => ({ path: relative(plugin, file), content: await readFile(file) })),
  )
}

function fitted(file: ShippedFile, scope: ClaudeScope, plugin: string): readonly ShippedFile[] {
  const text = file.content.toString('utf8')
  const isShared = scope === 'project'
  // It runs a helper of this installation, which a project cannot name for everybody.
  if (isShared && text.includes('tandem-setting')) return []
  const named = isShared
    ? text.replaceAll('find-tandem', 'tandem')
    : text.replace(/\b(?:find-tandem|tandem-setting)\b/g, helper => quoted(join(plugin, 'bin', helper)))
  return [{ ...file, content: Buffer.from(named) }]
}

const quoted = (path: string): string => (/^[\w./@+-]+$/.test(path) ? path : shellWord(path))
