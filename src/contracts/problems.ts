import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/** One issue of a schema in plain words, after `subject`, the member as its caller knows it. */
export function problemOf(issue: Issue, subject: string): string {
  if (issue.code === 'unrecognized_keys') {
    const members = `unknown member${issue.keys.length === 1 ? '' : 's'} ${issue.keys.join(', ')}`
    return issue.path.length === 0 ? members : `${subject}: ${members}`
  }
  return `${subject}: ${ruleOf(issue)}`
}

/** Members that an issue is about: those that are too many count, not the one that they stand in. */
export function fieldsOf(issue: Issue): readonly string[] {
  const path = issue.path.map(String)
  return issue.code === 'unrecognized_keys' && path.length === 0 ? issue.keys : [path.join('.')]
}

/** The rule that was broken; in the schema's own words where it has some: "the prompt is empty". */
function ruleOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.message.endsWith('received undefined')) return 'is missing'
      return `must be ${types[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return choiceOf(issue.values)
    case 'invalid_union':
      return unionOf(issue.errors.flat())
    case 'too_small':
    case 'too_big':
      return /^Too (?:small|big)/.test(issue.message) ? boundOf(issue) : issue.message
    default:
      return issue.message.startsWith('Invalid') ? 'does not have the right form' : issue.message
  }
}

const choiceOf = (values: readonly unknown[]): string =>
  values.length === 1 ? `must be ${String(values[0])}` : `must be one of ${values.map(String).join(', ')}`

/** What each arm of a union wants; arms that are lists of values are one list. */
function unionOf(issues: readonly Issue[]): string {
  const values = issues.flatMap(issue => (issue.code === 'invalid_value' ? issue.values : []))
  const others = issues.flatMap(issue => (issue.code === 'invalid_value' ? [] : ruleOf(issue)))
  return [...new Set([...(values.length === 0 ? [] : [choiceOf(values)]), ...others])].join(', or ')
}

function boundOf(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const isLow = issue.code === 'too_small'
  const bound = isLow ? issue.minimum : issue.maximum
  const unit = units[issue.origin]
  if (unit === undefined) return `must be ${isLow ? 'at least' : 'at most'} ${bound}`
  if (isLow && Number(bound) === 1) return 'must not be empty'
  return `must have ${isLow ? 'at least' : 'at most'} ${bound} ${unit}`
}

const types: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  record: 'a JSON object',
  object: 'a JSON object',
}

const units: Readonly<Record<string, string>> = { string: 'characters', array: 'entries' }
