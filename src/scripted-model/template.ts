import { isObject } from './request-view.ts'
import type { JsonObject, RequestView } from './request-view.ts'

/** What `{{...}}` may refer to. */
export interface TemplateScope {
  readonly view: RequestView
  /** Capture groups of the rule's pattern; `[0]` is the whole match. */
  readonly groups: readonly string[]
}

/** Fills in `{{lastText}}`, `{{model}}`, `{{match.N}}`, `{{header.NAME}}`, `{{toolResult}}`, `{{toolResult.PATH}}`; leaves what it cannot fill, so that it shows. */
export function fillTemplate(text: string, scope: TemplateScope): string {
  return text.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (whole, name: string) => valueOf(name, scope) ?? whole)
}

/** The same for every string inside a tree. */
export function fillTree(value: unknown, scope: TemplateScope): unknown {
  if (typeof value === 'string') return fillTemplate(value, scope)
  if (Array.isArray(value)) return value.map(item => fillTree(item, scope))
  if (!isObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillTree(item, scope)]))
}

function valueOf(name: string, { view, groups }: TemplateScope): string | undefined {
  const [head = '', ...path] = name.split('.')
  switch (head) {
    case 'lastText':
      return view.lastText
    case 'model':
      return view.model
    case 'match':
      return groups[Number(path[0] ?? '0')]
    case 'header':
      return view.headers[path.join('.').toLowerCase()]
    case 'toolResult':
      return path.length === 0 ? view.toolResults.at(-1) : latestAt(view.toolResults, path)
    default:
      return undefined
  }
}

/** The newest result that has the path: between two calls of one tool there may be results of others. */
function latestAt(results: readonly string[], path: readonly string[]): string | undefined {
  for (const result of results.toReversed()) {
    const found = path.reduce<unknown>(memberOf, jsonIn(result))
    if (typeof found === 'string') return found
    if (found !== undefined && found !== null) return JSON.stringify(found)
  }
  return undefined
}

function memberOf(value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value[Number(key)]
  return isObject(value) ? value[key] : undefined
}

/** The object in a result; Codex puts lines of its own before a command's output. */
function jsonIn(text: string): JsonObject | undefined {
  const from = text.indexOf('{')
  const to = text.lastIndexOf('}')
  if (from < 0 || to < from) return undefined
  try {
    const parsed: unknown = JSON.parse(text.slice(from, to + 1))
    return isObject(parsed) ? parsed : undefined
  } catch {
    // Braces that are not JSON: the result has no members to offer.
    return undefined
  }
}
