import type { ProposedDiff } from '#contracts'
import { filePatchesOf } from './file-patches.ts'
import type { FilePatch } from './file-patches.ts'
import { runGit } from './run-git.ts'
import type { GitOptions } from './run-git.ts'

/** Most files of one answer that are checked; an answer with more says so. */
const maxFiles = 200

/**
 * The unified diffs in an answer, each checked with `git apply --check` against the directory as it is. Null when the
 * answer has none. A file's patch is checked on its own, so that one that does not apply does not hide the others; a
 * second one for the same file is checked on top of the first.
 */
export async function checkProposedDiff(
  answer: string,
  place: { readonly cwd: string; readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<ProposedDiff | null> {
  const patches = filePatchesOf(answer)
  if (patches.length === 0) return null
  const folders = [place.cwd, ...(await rootAbove(place))]
  const files: ProposedDiff['files'] = []
  const before = new Map<string, string>()
  const until = performance.now() + place.timeoutMs
  for (const patch of patches.slice(0, maxFiles)) {
    if (performance.now() > until) {
      files.push({ path: patch.path, applies: false, reason: `not checked: out of time after ${place.timeoutMs} ms` })
      continue
    }
    const text = (before.get(patch.path) ?? '') + patch.text
    before.set(patch.path, text)
    files.push(await check({ ...patch, text }, folders, place))
  }
  for (const patch of patches.slice(maxFiles)) {
    files.push({ path: patch.path, applies: false, reason: `not checked: more than ${maxFiles} files` })
  }
  return { patch: patches.map(patch => patch.text).join(''), applies: files.every(file => file.applies), files }
}

/** The top of the repository, when the directory lies below it: a diff may be written from there. */
async function rootAbove(place: GitOptions): Promise<readonly string[]> {
  const found = await runGit(['rev-parse', '--show-toplevel'], place)
  const root = found.stdout.trim()
  return found.ok && root !== '' && root !== place.cwd ? [root] : []
}

async function check(
  patch: FilePatch,
  folders: readonly string[],
  place: GitOptions,
): Promise<ProposedDiff['files'][number]> {
  const reasons: string[] = []
  for (const cwd of folders) {
    // As outside of a repository: inside of one git passes over what lies outside of the directory, and reports success.
    const env = { ...place.env, GIT_DIR: '/dev/null' }
    const checked = await runGit(['apply', '--check', '-'], { ...place, cwd, env, input: patch.text })
    if (checked.ok) return { path: patch.path, applies: true }
    reasons.push(checked.stderr.trim().slice(0, 300))
  }
  return { path: patch.path, applies: false, reason: reasons[0] ?? 'not checked' }
}
