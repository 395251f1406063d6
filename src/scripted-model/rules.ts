import { compilePattern, compileWhole } from './pattern.ts'
import { sideReplyOf } from './side-requests.ts'
import type { Pattern } from './pattern.ts'
import type { RequestView } from './request-view.ts'
import type { Reply, Rule, Scenario, When } from './scenario.ts'

/** Which reply answers a request, and why. */
export interface Choice {
  /** The rule's name; `built-in: …` for requests that clients make for themselves; undefined: nothing fits. */
  readonly rule: string | undefined
  readonly reply: Reply
  readonly groups: readonly string[]
}

/** Chooses replies for one scenario and counts how often each rule has played. */
export interface RuleBook {
  choose(view: RequestView): Choice
}

export function createRuleBook(scenario: Scenario): RuleBook {
  const rules = scenario.rules.map(rule => ({ rule, fits: compileWhen(rule.when), played: 0 }))
  return {
    choose(view) {
      for (const entry of rules) {
        if (entry.played >= (entry.rule.times ?? Infinity)) continue
        const groups = entry.fits(view)
        if (groups === undefined) continue
        const reply = replyOf(entry.rule, entry.played)
        entry.played += 1
        return { rule: entry.rule.name, reply, groups }
      }
      const side = sideReplyOf(view)
      if (side !== undefined) return { rule: `built-in: ${view.side ?? 'side'}`, reply: side, groups: [] }
      return { rule: undefined, reply: scenario.fallback ?? noRule(view), groups: [] }
    },
  }
}

function replyOf(rule: Rule, played: number): Reply {
  if (!Array.isArray(rule.reply)) return rule.reply
  return rule.reply[Math.min(played, rule.reply.length - 1)] ?? { steps: [] }
}

function noRule(view: RequestView): Reply {
  return { steps: [{ text: `scripted model: no rule matches ${JSON.stringify(view.lastText.slice(0, 200))}` }] }
}

type Condition = (view: RequestView) => boolean

/** Compiled once per scenario: capture groups come from the first of lastText, lastToolResult, anyText that is given. */
function compileWhen(when: When): (view: RequestView) => readonly string[] | undefined {
  const conditions = [...plainConditions(when), ...headerConditions(when)]
  const texts = textPatterns(when)
  return view => {
    if (!conditions.every(holds => holds(view))) return undefined
    const matches = texts.map(matchIn => matchIn(view))
    if (matches.includes(undefined)) return undefined
    return matches[0]?.groups ?? []
  }
}

function plainConditions(when: When): readonly Condition[] {
  const model = when.model === undefined ? undefined : compileWhole(when.model)
  const tools = [when.tools ?? []].flat()
  const all: readonly (Condition | false)[] = [
    view => (view.side !== undefined) === (when.side ?? false),
    when.dialect !== undefined && (view => view.dialect === when.dialect),
    when.turn !== undefined && (view => view.turns === when.turn),
    when.sincePrompt !== undefined && (view => view.turnsSincePrompt === when.sincePrompt),
    when.stream !== undefined && (view => view.stream === when.stream),
    model !== undefined && (view => model(view.model) !== undefined),
    view => tools.every(name => view.tools.some(tool => tool.name === name)),
  ]
  return all.filter(condition => condition !== false)
}

function headerConditions(when: When): readonly Condition[] {
  return Object.entries(when.header ?? {}).map(([name, text]): Condition => {
    const pattern = compilePattern(text)
    return view => pattern(view.headers[name.toLowerCase()] ?? '') !== undefined
  })
}

function textPatterns(when: When): readonly ((view: RequestView) => ReturnType<Pattern>)[] {
  const { lastText, lastToolResult, anyText } = when
  return [
    lastText === undefined ? [] : [matching(lastText, view => view.lastText)],
    lastToolResult === undefined ? [] : [matching(lastToolResult, resultsOf)],
    anyText === undefined ? [] : [matching(anyText, view => view.allText())],
  ].flat()
}

/** Nothing that came back is not an empty result: then the pattern does not fit at all. */
function resultsOf(view: RequestView): string | undefined {
  return view.newResults.length === 0 ? undefined : view.newResults.join('\n')
}

function matching(
  pattern: string,
  text: (view: RequestView) => string | undefined,
): (view: RequestView) => ReturnType<Pattern> {
  const match = compilePattern(pattern)
  return view => {
    const subject = text(view)
    return subject === undefined ? undefined : match(subject)
  }
}
