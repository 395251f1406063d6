import { readShellLine } from './shell-line.ts'
import type { ShellWord } from './shell-line.ts'

/** The words with which a command may not begin: `['git', 'push']`. */
export type DeniedCommand = readonly string[]

export interface DeniedMatch {
  readonly words: DeniedCommand
  /** False: the line cannot be read to its end, or only the shell knows what it runs, and the words are in it. */
  readonly isCertain: boolean
}

/**
 * The denied command that a line would run, if any. Rather one too many than one too few: a command counts wherever it can stand (after
 * `sudo`, in `sh -c '…'`, in a substitution), options may stand between its words, and what cannot be understood is denied as soon
 * as all words are in it.
 */
export function findDeniedCommand(line: string, denied: readonly DeniedCommand[]): DeniedMatch | undefined {
  const rules = denied.filter(words => words.length > 0)
  if (rules.length === 0) return undefined
  let loose: readonly DeniedCommand[] | undefined
  const inWhole = (): readonly DeniedCommand[] => (loose ??= looselyIn(line, rules))
  return findIn(line, { rules, inWhole, depth: 0, isRead: false, room: { left: maxRead } })
}

interface Search {
  readonly rules: readonly DeniedCommand[]
  /** Those whose words are somewhere in the line that everything is part of: what a variable holds may stand anywhere. */
  readonly inWhole: () => readonly DeniedCommand[]
  readonly depth: number
  /** Some program reads commands from what another one prints. */
  readonly isRead: boolean
  /** Characters that may still be read: words in words can be very many. */
  readonly room: { left: number }
}

const maxLength = 64 * 1024
const maxDepth = 8
const maxRead = 8 * maxLength

function findIn(line: string, search: Search): DeniedMatch | undefined {
  search.room.left -= line.length
  if (line.length > maxLength || search.depth > maxDepth || search.room.left < 0) return doubt(search.inWhole())
  const { commands, isUnderstood } = readShellLine(line)
  const isRead = search.isRead || commands.some(readsCommands)
  for (const words of commands) {
    const found = findInCommand(words, { ...search, isRead })
    if (found !== undefined) return found
  }
  return isUnderstood ? undefined : doubt(search.inWhole())
}

const doubt = ([words]: readonly DeniedCommand[]): DeniedMatch | undefined =>
  words === undefined ? undefined : { words, isCertain: false }

const readsCommands = (words: readonly ShellWord[]): boolean =>
  words[0]?.text === '.' || words.some(word => runsText.test(nameOf(word)))

function findInCommand(words: readonly ShellWord[], search: Search): DeniedMatch | undefined {
  const command = withoutAssignments(words)
  const isOnlyText = !search.isRead && takesText(command)
  const starts = isOnlyText ? [command] : words.map((_, at) => words.slice(at))
  const certain = search.rules.find(rule => starts.some(start => beginsWith(start, rule)))
  if (certain !== undefined) return { words: certain, isCertain: true }
  const loose = doubt(search.inWhole().filter(rule => isDoubtful(command, rule)))
  if (loose !== undefined || isOnlyText) return loose
  for (const text of words.flatMap(word => linesIn(word.text))) {
    const found = /[^\w./:@=,+%-]/.test(text) ? findIn(text, { ...search, depth: search.depth + 1 }) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** What may be a line of its own in a word: all of it, or what it gives a name to (an alias, a trap, git's `alias.x=!…`). */
function linesIn(text: string): readonly string[] {
  const value = text.replace(/^[\w.-]+\+?=!?/, '')
  return value === text ? [text] : [text, value]
}

/** Assignments before a command; what is given to it comes later. */
function withoutAssignments(words: readonly ShellWord[]): readonly ShellWord[] {
  const first = words.findIndex(({ text }) => !/^\w+\+?=/.test(text))
  return first < 0 ? [] : words.slice(first)
}

/** Programs whose arguments are text, whatever it says: a commit's message that names a command runs nothing. */
function takesText([program, ...rest]: readonly ShellWord[]): boolean {
  const name = program === undefined ? '' : nameOf(program)
  if (name === 'git') return ['commit', 'tag', 'log', 'show', 'grep'].includes(rest[0]?.text ?? '')
  return ['echo', 'printf', 'grep', 'egrep', 'fgrep', 'rg', 'cat', 'head', 'tail', 'ls', 'wc', 'man', 'which'].includes(
    name,
  )
}

/** Programs that run text which comes to them some other way than as their arguments. */
const runsText =
  /^(?:(?:ba|z|da|k|a|fi|c|tc)?sh|eval|source|xargs|parallel|ssh|busybox|python[\d.]*|node|deno|bun|perl|ruby|php|lua|awk)$/

/** Programs that run what their arguments name. */
const passesOn = /^(?:sudo|doas|env|exec|command|builtin|nohup|nice|timeout|time|setsid|xargs|eval|find|watch|strace)$/

/** Whether the words begin with those of the rule. Between them options may stand, each with one value. */
function beginsWith([program, ...rest]: readonly ShellWord[], [name = '', ...needed]: DeniedCommand): boolean {
  if (program === undefined || (nameOf(program) !== name.toLowerCase() && program.text !== name)) return false
  const texts = rest.map(word => word.text)
  let at = 0
  for (const word of needed) {
    if (word.startsWith('-')) {
      if (!hasOption(texts, word)) return false
      continue
    }
    at = afterOptions(texts, at, word)
    if (texts[at] !== word) return false
    at += 1
  }
  return true
}

/** Where the next word is that is neither an option nor, perhaps, the value of one; the wanted one is never taken for a value. */
function afterOptions(texts: readonly string[], from: number, wanted: string): number {
  let mayBeValue = false
  for (let at = from; ; at += 1) {
    const text = texts[at]
    const isOption = text?.startsWith('-') === true
    if (text === undefined || text === wanted || (!isOption && !mayBeValue)) return at
    mayBeValue = isOption
  }
}

/** `-rf` is also `-fr`, `-r -f` and `-rvf`; `--force` also `--force=yes`. */
function hasOption(texts: readonly string[], option: string): boolean {
  if (texts.some(text => text === option || text.startsWith(`${option}=`))) return true
  if (!/^-[a-z\d]{1,3}$/i.test(option)) return false
  const letters = new Set(texts.filter(text => /^-[a-z\d]+$/i.test(text)).flatMap(text => text.slice(1).split('')))
  return option
    .slice(1)
    .split('')
    .every(letter => letters.has(letter))
}

/** Only the shell knows whether it is the denied command. */
function isDoubtful(words: readonly ShellWord[], [name = '']: DeniedCommand): boolean {
  const [program, ...rest] = words
  if (program === undefined) return false
  if (program.isExpanded) return true
  const own = nameOf(program)
  return (own === name.toLowerCase() || passesOn.test(own) || runsText.test(own)) && rest.some(word => word.isExpanded)
}

/** The rules all of whose words are in the text, in any order. */
function looselyIn(text: string, rules: readonly DeniedCommand[]): readonly DeniedCommand[] {
  const tokens = text.replaceAll(/['"\\]/g, '').split(/[^\w.@:/+=-]+/)
  const there = new Set(tokens.flatMap(token => [token, ...token.split(/[/=]/)].map(part => part.toLowerCase())))
  return rules.filter(rule =>
    rule.every(word => there.has(word.toLowerCase()) || (word.startsWith('-') && hasOption(tokens, word))),
  )
}

/** The program's name without its directory. Letter case does not tell programs apart on every machine. */
function nameOf({ text }: ShellWord): string {
  return text.slice(text.lastIndexOf('/') + 1).toLowerCase()
}
