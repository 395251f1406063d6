/** A match of a pattern; `groups[0]` is the whole match. */
export type Match = { readonly groups: readonly string[] } | undefined

export type Pattern = (text: string) => Match

/**
 * `/source/flags` is a regular expression, anything else is looked for as it stands. Throws on a bad expression.
 * Without `g` and `y`: an expression with one of these goes on where it last was.
 */
export function compilePattern(pattern: string): Pattern {
  const form = /^\/(.*)\/([dimsuv]*)$/s.exec(pattern)
  if (form === null) return text => (text.includes(pattern) ? { groups: [pattern] } : undefined)
  const expression = new RegExp(form[1] ?? '', form[2])
  return text => {
    const found = expression.exec(text)
    return found === null ? undefined : { groups: found.map(group => group ?? '') }
  }
}

/** Like `compilePattern`, but plain text must be the whole (model names). */
export function compileWhole(pattern: string): Pattern {
  if (/^\/.*\/[dimsuv]*$/s.test(pattern)) return compilePattern(pattern)
  return text => (text === pattern ? { groups: [text] } : undefined)
}
