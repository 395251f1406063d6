import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Notice {
  readonly name: string
  readonly version: string
  readonly license: string
  readonly text: string
}

/** The licences of every package that a bundle contains, as one text. `inputs` are esbuild's, relative to `root`. */
export function thirdPartyNotices(root: string, inputs: readonly string[]): string {
  const directories = new Set(inputs.flatMap(input => packageDirectoryOf(input) ?? []))
  const notices = [...directories]
    .map(directory => noticeOf(join(root, directory)))
    .sort((a, b) => compare(`${a.name}@${a.version}`, `${b.name}@${b.version}`))
  const list = notices.map(notice => `${notice.name}@${notice.version} (${notice.license})`)
  const texts = notices.map(
    notice => `${rule}\n${notice.name}@${notice.version} (${notice.license})\n\n${notice.text.trim()}\n`,
  )
  return `Tandem contains these packages, unchanged but bundled:\n\n${list.join('\n')}\n\n${texts.join('\n')}`
}

/** "node_modules/a/node_modules/@b/c/lib/x.js" -> "node_modules/a/node_modules/@b/c". */
function packageDirectoryOf(input: string): string | undefined {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]
}

function noticeOf(directory: string): Notice {
  const manifest: unknown = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const [name, version, license] = ['name', 'version', 'license'].map(member => textOf(manifest, member))
  if (!name || !version || !license) throw new Error(`${directory}/package.json names no name, version or licence`)
  const file = readdirSync(directory).find(entry => /^licen[cs]e(\.|$)/i.test(entry))
  const text =
    file === undefined
      ? `No licence file in the package; its manifest says: ${license}`
      : readFileSync(join(directory, file), 'utf8')
  return { name, version, license, text }
}

function textOf(value: unknown, member: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Reflect.get(value, member)
  return typeof found === 'string' ? found : undefined
}

const compare = (a: string, b: string): number => (a < b ? -1 : 1)
const rule = '-'.repeat(80)
