export interface FilePatch {
  readonly path: string
  readonly text: string
}

/** The patches per file, in order. Understands fenced blocks and bare text, `diff --git` headers and plain `---`/`+++`. */
export function filePatchesOf(answer: string): readonly FilePatch[] {
  const lines = linesOf(answer)
  const patches: FilePatch[] = []
  let at = 0
  while (at < lines.length) {
    const patch = readFilePatch(lines, at)
    if (patch === undefined) {
      at += 1
      continue
    }
    patches.push({ path: patch.path, text: patch.text })
    at = patch.next
  }
  return patches
}

/** A text with CRLF throughout is one that was converted; a lone CR at the end of a line belongs to the file. */
function linesOf(text: string): readonly string[] {
  const isConverted = !/(?:^|[^\r])\n/.test(text)
  return (isConverted ? text.replaceAll('\r\n', '\n') : text).split('\n')
}

interface Read {
  readonly lines: readonly string[]
  readonly next: number
}

function readFilePatch(lines: readonly string[], start: number): (FilePatch & { readonly next: number }) | undefined {
  const head = readGitHeader(lines, start)
  const from = bare(lines[head.next])
  const to = bare(lines[head.next + 1])
  if (!from.startsWith('--- ') || !to.startsWith('+++ ')) return withoutHunks(head)
  const body = readHunks(lines, head.next + 2)
  if (body.lines.length === 0) return undefined
  return { path: pathOf(from, to), text: textOf([...head.lines, from, to, ...body.lines]), next: body.next }
}

function readGitHeader(lines: readonly string[], start: number): Read {
  if (lines[start]?.startsWith('diff --git ') !== true) return { lines: [], next: start }
  let next = start + 1
  while (extendedHeader.test(lines[next] ?? '')) next += 1
  return { lines: lines.slice(start, next).map(bare), next }
}

const extendedHeader =
  /^(?:index |old mode |new mode |deleted file mode |new file mode |similarity index |dissimilarity index |rename |copy )/

/** A renamed file, another mode, an empty file that is new or gone. */
function withoutHunks(head: Read): (FilePatch & { readonly next: number }) | undefined {
  const says = head.lines.slice(1).some(line => !line.startsWith('index '))
  if (!says) return undefined
  const renamed = head.lines.find(line => /^(?:rename|copy) to /.test(line))?.replace(/^\w+ to /, '')
  const path = renamed ?? / b\/(.*)$/.exec(head.lines[0] ?? '')?.[1] ?? ''
  return { path, text: textOf(head.lines), next: head.next }
}

function readHunks(lines: readonly string[], start: number): Read {
  const hunks: string[] = []
  let next = start
  while (lines[next]?.startsWith('@@ ')) {
    const body = readHunkBody(lines, next + 1, countsOf(lines[next] ?? ''))
    hunks.push(recounted(bare(lines[next]), body.lines), ...body.lines)
    next = body.next
  }
  return { lines: hunks, next }
}

/** The hunk's header with the counts that its lines have: with others git takes the patch for corrupt. */
function recounted(header: string, body: readonly string[]): string {
  const count = (marks: RegExp): number => body.filter(line => marks.test(line)).length
  return header.replace(
    /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/,
    (_, before: string, after: string) => `@@ -${before},${count(/^[ -]/)} +${after},${count(/^[ +]/)} @@`,
  )
}

interface Counts {
  readonly before: number
  readonly after: number
}

/**
 * A hunk ends at a fence, at the next file's header, at the next hunk, or at a line that is none of its own. Models
 * miscount, so its counts decide only where the lines themselves leave it open: whether an empty line still belongs to it.
 */
function readHunkBody(lines: readonly string[], start: number, counts: Counts): Read {
  const body: string[] = []
  let { before, after } = counts
  for (;;) {
    const line = ownLineAt(lines, start + body.length, before <= 0 && after <= 0)
    if (line === undefined) return { lines: body, next: start + body.length }
    body.push(line)
    if (/^[ -]/.test(line)) before -= 1
    if (/^[ +]/.test(line)) after -= 1
  }
}

/** The line, if it belongs to the hunk. */
function ownLineAt(lines: readonly string[], at: number, isFull: boolean): string | undefined {
  const line = lines[at]
  if (line === undefined || (line.startsWith('--- ') && lines[at + 1]?.startsWith('+++ '))) return undefined
  if (bare(line) !== '') return /^[ +\-\\]/.test(line) ? line : undefined
  // Models drop the single space of an empty context line.
  return isFull || !goesOn(lines, at) ? undefined : ` ${line}`
}

/** After some empty lines the hunk has another line of its own. */
function goesOn(lines: readonly string[], start: number): boolean {
  const next = lines.slice(start, start + maxEmptyLines).find(line => bare(line) !== '')
  return next !== undefined && /^[ +\-\\]/.test(next) && !next.startsWith('--- ')
}

const maxEmptyLines = 50

function countsOf(hunk: string): Counts {
  const found = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(hunk)
  return { before: Number(found?.[1] ?? 1), after: Number(found?.[2] ?? 1) }
}

function pathOf(from: string, to: string): string {
  const target = to.slice(4).split('\t')[0] ?? ''
  const source = from.slice(4).split('\t')[0] ?? ''
  return (target === '/dev/null' ? source : target).replace(/^[ab]\//, '')
}

/** Headers have no CR, whatever the lines of the file end with. */
const bare = (line: string | undefined): string => (line ?? '').replace(/\r$/, '')

const textOf = (lines: readonly string[]): string => `${lines.join('\n')}\n`
