import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { claudeScopes } from '#contracts'
import { messageOf, systemCodeOf } from '#kernel'
import { manifestUnreadable } from './errors.ts'
import { replaceFile } from './claude-file.ts'
import { makeDirectories, missingDirectories, removeEmptyDirectories } from './directories.ts'

const fileSchema = z.strictObject({
  path: z.string(),
  sha256: z.string(),
  /** What was there before, in base64: it comes back with the removal. Null: nothing. */
  before: z.string().nullable(),
  before_mode: z.int().nullable(),
})
export type InstalledFile = z.infer<typeof fileSchema>

const installSchema = z.strictObject({
  scope: z.enum(claudeScopes),
  /** Of the project; null for the user's own. */
  project: z.string().nullable(),
  /** Claude Code's own directory at that time. */
  claude_dir: z.string(),
  version: z.string(),
  files: z.array(fileSchema),
  /** Directories that were made, the outer ones first. */
  directories: z.array(z.string()),
  server: z.strictObject({
    file: z.string(),
    path: z.array(z.string()),
    /** JSON text as it was written, without blanks. */
    value: z.string(),
    /** JSON text of the member that was there before. */
    before: z.string().nullable(),
    existed: z.boolean(),
    /** How many objects on the way to it were made, too. */
    made: z.int().min(0),
    /** While nobody has changed the file since, this takes it back byte for byte. */
    undo: z.strictObject({ at: z.int(), removed: z.string(), inserted: z.int(), sha256_after: z.string() }).nullable(),
  }),
})
export type Install = z.infer<typeof installSchema>

const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** Directories that were made for this very file, the outer ones first. */
  directories: z.array(z.string()),
  installs: z.array(installSchema).max(1000),
})
export type Manifest = z.infer<typeof manifestSchema>

const manifestFileOf = (configDir: string): string => join(configDir, 'claude-install.json')

/** What was installed and not removed. CLAUDE_MANIFEST_UNREADABLE. */
export async function readManifest(configDir: string): Promise<Manifest> {
  const file = manifestFileOf(configDir)
  try {
    return manifestSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT')
      return { format: 1, directories: [...(await missingDirectories([configDir]))], installs: [] }
    throw manifestUnreadable(file, messageOf(error).split('\n')[0] ?? '', error)
  }
}

/** Nothing installed leaves no file. Written before anything else changes, so that what was begun can be taken back. */
export async function writeManifest(configDir: string, manifest: Manifest): Promise<void> {
  const file = manifestFileOf(configDir)
  if (manifest.installs.length > 0) {
    await makeDirectories(manifest.directories)
    return replaceFile(file, `${JSON.stringify(manifest, null, 2)}\n`)
  }
  await rm(file, { force: true })
  await removeEmptyDirectories(manifest.directories)
}

/** The others, and this one if there is one. */
export const withInstall = (manifest: Manifest, key: InstallKey, install: Install | undefined): Manifest => ({
  ...manifest,
  installs: [...manifest.installs.filter(one => !isSame(one, key)), ...(install === undefined ? [] : [install])],
})

export const installOf = (manifest: Manifest, key: InstallKey): Install | undefined =>
  manifest.installs.find(one => isSame(one, key))

export type InstallKey = Pick<Install, 'scope' | 'project' | 'claude_dir'>

const isSame = (one: InstallKey, other: InstallKey): boolean =>
  one.scope === other.scope && one.project === other.project && one.claude_dir === other.claude_dir
