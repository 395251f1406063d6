import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface TrustOptions {
  /** The directory of the copies of our plugin. */
  readonly dir: string
  readonly home: string | undefined
  /** `$CLAUDE_CONFIG_DIR`. */
  readonly configDir: string | undefined
}

/**
 * Whether the person has told Claude Code (2.1.329), once and for good, that the directory may be used. Its own file is read
 * and never written; what cannot be read says no.
 */
export async function isTrusted(options: TrustOptions): Promise<boolean> {
  const file = join(options.configDir ?? options.home ?? '/', '.claude.json')
  try {
    const state: unknown = JSON.parse(await readFile(file, 'utf8'))
    const projects = Object.entries(Object(memberOf(state, 'projects')))
    return projects.some(
      ([dir, project]) =>
        memberOf(project, 'hasTrustDialogAccepted') === true && `${options.dir}/`.startsWith(`${dir}/`),
    )
  } catch {
    // Not there yet, or of another form: then a note too many is the worst that happens.
    return false
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined
}

/** Said before Claude Code asks, so that its question is understood. */
export const trustNote = (dir: string): string =>
  [
    `claude-codex: Claude Code will ask whether to add a directory under ${dir}.`,
    '  It holds the commands /codex-ask, /codex-config, … and the skill of Tandem: answer yes, with the arrow keys.',
    '  `claude-codex --tandem-trust` asks once and for good.',
    '',
  ].join('\n')

/** Said before the session that only asks. */
export const trustSteps =
  'claude-codex: answer yes with the arrow keys to trust the directory of Tandem’s commands, then leave with /exit.\n'
