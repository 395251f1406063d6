import type { CompletedCommand, Source } from './completion-model.ts'
import { quoted } from './shell-words.ts'

/* Branches of a `case`, which bash and zsh write alike: each sets `source` to where a value comes from. */

/** By command and flag: those that take a value. */
export function valueCases({ name, options }: CompletedCommand): readonly string[] {
  return options.flatMap(({ flags, value }) =>
    value === null ? [] : [branch(flags.map(flag => quoted(`${name} ${flag}`)).join('|'), value)],
  )
}

/** By command and place, after a colon. */
export function placeCases({ name, places, takesRest }: CompletedCommand): readonly string[] {
  return places.map((place, at) => {
    const pattern = takesRest && at === places.length - 1 ? '*' : String(at)
    return `    ${branch(`${quoted(`${name}:`)}${pattern}`, place)}`
  })
}

const branch = (pattern: string, source: Source): string => `    ${pattern}) source=${quoted(sourceText(source))} ;;`

function sourceText(source: Source): string {
  if (source.kind === 'words') return `words:${source.words.join('\n')}`
  return source.kind === 'ids' ? `ids:${source.of}` : source.kind
}
