import { randomBytes } from 'node:crypto'
import type { Sandbox } from '#contracts'
import type { CodexConfig } from './thread-config.ts'

/** What commands of a turn may do; network only with workspace-write, and always without a sandbox. */
export interface Permissions {
  readonly sandbox: Sandbox
  readonly network?: boolean | undefined
}

/** The permission profiles of one app-server: their definition for its threads, and their choice for each turn. */
export interface PermissionProfiles {
  /** For the `config` of a thread. `hidden`: paths that commands in a sandbox may not read, none inside of another. */
  config(hidden: readonly string[]): CodexConfig
  /** Members of `thread/start` and `thread/resume`. Each turn says more. */
  ofThread(sandbox: Sandbox): object
  /** Members of `turn/start`, with every turn: without them what the turn before had would stay. */
  ofTurn(permissions: Permissions): object
}

/**
 * Profiles of our own in place of Codex's sandbox policies, because these have a hole (0.169.0): a command for which a `.rules` file
 * says "allow" (the user's "do not ask again", or a trusted repository's) runs outside of the sandbox, whatever is sent with the turn.
 * Where a profile hides something, Codex never leaves the sandbox by itself: so a thread for which there are such files has a directory
 * of ours hidden. Not every thread, because Codex then reads AGENTS.md in a sandbox, too: some 50 ms a turn. A table of
 * the same name in a repository's configuration would be merged into ours: nobody can know the names.
 */
export function createPermissionProfiles(): PermissionProfiles {
  const mark = randomBytes(6).toString('hex')
  const read = `tandem-read-${mark}`
  const write = `tandem-write-${mark}`
  const writeAndNetwork = `tandem-write-network-${mark}`
  return {
    config(hidden) {
      const filesystem = Object.fromEntries(hidden.map(path => [path, 'deny']))
      // `:workspace` has `/tmp` and TMPDIR writable, too. The one is everybody's; the other is ours.
      const writing = { ...filesystem, ':slash_tmp': 'read' }
      return {
        default_permissions: read,
        permissions: {
          [read]: { extends: ':read-only', filesystem, network: { enabled: false } },
          [write]: { extends: ':workspace', filesystem: writing, network: { enabled: false } },
          [writeAndNetwork]: { extends: ':workspace', filesystem: writing, network: { enabled: true } },
        },
        // Hooks run outside of every sandbox: only those that the user has looked at.
        bypass_hook_trust: false,
      }
    },
    ofThread: sandbox => (sandbox === 'danger-full-access' ? { sandbox } : { permissions: read }),
    ofTurn({ sandbox, network = false }) {
      if (sandbox === 'danger-full-access') return { sandboxPolicy: { type: 'dangerFullAccess' } }
      if (sandbox === 'read-only') return { permissions: read }
      return { permissions: network ? writeAndNetwork : write }
    },
  }
}
