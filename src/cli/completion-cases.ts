import type { CompletedCommand, Source } from './completion-model.ts'
import { quoted } from './shell-words.ts'

/* What bash and zsh write alike: branches of a `case` that set `source` to where a value comes from. */

/** The function that tells of "COMMAND FLAG" whether it takes a value. */
export const valueFunction = (commands: readonly CompletedCommand[]): readonly string[] => [
  '# Whether a flag takes a value; sets where it comes from.',
  '_tandem_value() {',
  '  case $1 in',
  ...commands.flatMap(valueCases),
  '    *) return 1 ;;',
  '  esac',
  '}',
]

/** By command and place, after a colon. */
export function placeCases({ name, places, takesRest }: CompletedCommand): readonly string[] {
  return places.map((place, at) => {
    const pattern = takesRest && at === places.length - 1 ? '*' : String(at)
    return `    ${branch(`${quoted(`${name}:`)}${pattern}`, place)}`
  })
}

function valueCases({ name, options }: CompletedCommand): readonly string[] {
  return options.flatMap(({ flags, value }) =>
    value === null ? [] : [branch(flags.map(flag => quoted(`${name} ${flag}`)).join('|'), value)],
  )
}

const branch = (pattern: string, source: Source): string => `    ${pattern}) source=${quoted(sourceText(source))} ;;`

function sourceText(source: Source): string {
  if (source.kind === 'words') return `words:${source.words.join('\n')}`
  return source.kind === 'ids' ? `ids:${source.of}` : source.kind
}
