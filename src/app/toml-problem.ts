import { TomlError } from 'smol-toml'
import { messageOf } from '#kernel'

/** Why a text is not TOML, and where. */
export function tomlProblem(error: unknown, text: string): string {
  if (!(error instanceof TomlError)) return firstLine(messageOf(error))
  const line = text.split('\n')[error.line - 1] ?? ''
  const problem = firstLine(error.message).replace(/^Invalid TOML document: /, '')
  const isOpen =
    problem.startsWith('unfinished string') || (problem.includes('in strings') && error.column > line.length)
  if (isOpen) return `line ${error.line}: a quote is not closed`
  const isBare = problem === 'invalid value' && /^[\p{L}/~]/u.test(line.slice(error.column - 1))
  return `line ${error.line}, column ${error.column}: ${problem}${isBare ? ' (text stands in quotes)' : ''}`
}

const firstLine = (text: string): string => text.split('\n')[0] ?? ''
