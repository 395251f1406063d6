import { defaultSettings, settingsSchema } from '#contracts'
import type { Settings, SettingsChange } from '#contracts'
import { putSettings } from '#store'
import type { Store } from '#store'

export interface SettingsView {
  readonly effective: Settings
  readonly global: SettingsChange
  readonly project: SettingsChange
}

/** A member that is `default` is taken back: the wider scope holds again. */
export type SettingsEdit = { readonly [K in keyof Settings]?: Settings[K] | 'default' | undefined }

/** Settings in two scopes; the project's win over the global ones. */
export interface SettingsBook {
  /** `project`: a directory, as its real path. */
  view(project: string | undefined): Promise<SettingsView>
  edit(scope: { readonly project: string | undefined }, edit: SettingsEdit): Promise<void>
}

export function createSettingsBook(store: Pick<Store, 'settings' | 'commit'>): SettingsBook {
  // An edit reads, changes and writes: one after the other, or the later of two would undo the earlier.
  let latest: Promise<void> = Promise.resolve()

  async function write(scope: string, edit: SettingsEdit): Promise<void> {
    const before = await store.settings.get(scope)
    const merged: Readonly<Record<string, unknown>> = { ...before, ...definedIn(edit) }
    const entries = Object.entries(merged).filter(([, value]) => value !== 'default')
    await store.commit({ changes: [putSettings(scope, Object.fromEntries(entries))] })
  }

  return {
    async view(project) {
      const global = await store.settings.get('global')
      const own = project === undefined ? {} : await store.settings.get(scopeOf(project))
      return { effective: settingsSchema.parse({ ...defaultSettings, ...global, ...own }), global, project: own }
    },
    edit({ project }, edit) {
      const written = latest.then(() => write(project === undefined ? 'global' : scopeOf(project), edit))
      latest = written.catch(() => undefined /* its caller is told */)
      return written
    },
  }
}

const scopeOf = (project: string): string => `project:${project}`

function definedIn(edit: SettingsEdit): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(edit).filter(([, value]) => value !== undefined))
}
