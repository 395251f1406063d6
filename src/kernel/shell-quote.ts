import { plainLine } from './plain-text.ts'

/** A text as one word of any shell, for programs: it stays as it is, whatever is in it. */
export function shellWord(text: string): string {
  if (/^[\w./~+:@%-]+$/.test(text)) return text
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/**
 * The same for a person, so that a cure can be pasted: what does not reach a terminal as it is (`plainLine`) is written as escapes, `$'…'`,
 * which bash, zsh and ksh read.
 */
export function shellQuote(text: string): string {
  const word = shellWord(text)
  return isPlain(word) ? word : `$'${Array.from(text).map(escapedUnlessPlain).join('')}'`
}

/** A quote, too: nothing is then left that could be taken for the end. */
function escapedUnlessPlain(char: string, index: number, all: readonly string[]): string {
  const isSecondSpace = char === ' ' && all[index - 1] === ' '
  const isKept = isPlain(`(${char})`) && !isSecondSpace && !/['\\]/.test(char)
  return isKept ? char : [...new TextEncoder().encode(char)].map(octal).join('')
}

const isPlain = (text: string): boolean => plainLine(text) === text
const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, '0')}`
