/** A word of a shell line as the command gets it, without its quotes. */
export interface ShellWord {
  readonly text: string
  /** It holds something that only the shell can work out: a variable, a substitution, a pattern. */
  readonly isExpanded: boolean
}

export interface ShellLine {
  /** All simple commands in it, those of substitutions and of what is between brackets included; redirections are left out. */
  readonly commands: readonly (readonly ShellWord[])[]
  /** False where a quote or a bracket is not closed, or too many are inside of each other. */
  readonly isUnderstood: boolean
}

const maxDepth = 12

/**
 * Reads a line as POSIX shells and bash do, for one purpose: no command in it may be missed. So what is no command can be among them:
 * the text of a here document, the patterns of a `case`.
 */
export function readShellLine(line: string, depth = 0): ShellLine {
  const reader = new Reader(line, depth)
  return { commands: reader.commands, isUnderstood: reader.isUnderstood }
}

class Reader {
  readonly commands: ShellWord[][] = []
  isUnderstood: boolean
  readonly #line: string
  readonly #depth: number
  #at = 0
  #words: ShellWord[] = []
  #text = ''
  #isWord = false
  #isExpanded = false
  /** The next word is a file. */
  #isRedirected = false

  constructor(line: string, depth: number) {
    this.#line = line
    this.#depth = depth
    this.isUnderstood = depth < maxDepth
    if (!this.isUnderstood) return
    while (this.#at < line.length) this.#step(this.#next())
    this.#endCommand()
  }

  #step(char: string): void {
    if (' \t\r'.includes(char)) this.#endWord()
    else if ('\n;|()'.includes(char)) this.#endCommand()
    else if (char === '<' || char === '>') this.#redirection()
    else if (char === '&' && this.#peek() !== '>') this.#endCommand()
    else if (char === '&') this.#endWord()
    else if (char === '#' && !this.#isWord) this.#comment()
    else this.#partOfWord(char)
  }

  #partOfWord(char: string): void {
    switch (char) {
      case '\\':
        return this.#escaped()
      case "'":
        return this.#put(this.#until("'"))
      case '"':
        return this.#doubleQuoted()
      case '$':
        return this.#dollar()
      case '`':
        return this.#substitution(this.#backquoted())
      default:
        if ('*?[{'.includes(char)) this.#isExpanded = true
        return this.#put(char)
    }
  }

  #escaped(): void {
    const char = this.#next()
    // A line that goes on.
    if (char !== '\n') this.#put(char)
  }

  #doubleQuoted(): void {
    this.#put('')
    while (this.#at < this.#line.length) {
      const char = this.#next()
      if (char === '"') return
      if (char === '$') this.#dollar({ isQuoted: true })
      else if (char === '`') this.#substitution(this.#backquoted())
      else if (char !== '\\') this.#put(char)
      else if ('$`"\\\n'.includes(this.#peek())) this.#escaped()
      else this.#put(char)
    }
    this.isUnderstood = false
  }

  #dollar({ isQuoted = false }: { readonly isQuoted?: boolean } = {}): void {
    const char = this.#peek()
    if (char === "'" && !isQuoted) return this.#ansiQuoted()
    if (char === '"' && !isQuoted) return
    if (char === '(' || char === '{') {
      this.#at += 1
      return this.#substitution(this.#balanced(char === '(' ? ')' : '}', char))
    }
    if (/[\w@*#?!$-]/.test(char)) this.#isExpanded = true
    this.#put('$')
  }

  /** `$'…'`: escapes for single characters, too. */
  #ansiQuoted(): void {
    this.#at += 1
    this.#put('')
    while (this.#at < this.#line.length) {
      const char = this.#next()
      if (char === "'") return
      this.#put(char === '\\' ? this.#ansiEscape() : char)
    }
    this.isUnderstood = false
  }

  #ansiEscape(): string {
    const rest = this.#line.slice(this.#at, this.#at + 10)
    const code = /^(?:x([\da-f]{1,2})|u([\da-f]{1,4})|U([\da-f]{1,8}))/i.exec(rest)
    const octal = /^[0-7]{1,3}/.exec(rest)
    const found = code ?? octal
    if (found === null) return named[this.#peek()] === undefined ? this.#next() : (named[this.#next()] ?? '')
    this.#at += found[0].length
    const value = code === null ? Number.parseInt(found[0], 8) : Number.parseInt(found[0].slice(1), 16)
    return value <= 0x10_ff_ff ? String.fromCodePoint(value) : ''
  }

  /** The commands inside; what they print is not known. */
  #substitution(inside: string): void {
    this.#isWord = true
    this.#isExpanded = true
    const read = readShellLine(inside, this.#depth + 1)
    this.commands.push(...read.commands.map(words => [...words]))
    if (!read.isUnderstood) this.isUnderstood = false
  }

  /** What stands before the closing bracket that belongs to the opening one, quotes minded. */
  #balanced(close: string, open: string): string {
    const from = this.#at
    for (let level = 1; this.#at < this.#line.length;) {
      const char = this.#next()
      if (char === '\\') this.#at += 1
      else if (char === "'" || char === '"') this.#skipQuoted(char)
      else if (char === open) level += 1
      else if (char === close && (level -= 1) === 0) return this.#line.slice(from, this.#at - 1)
    }
    this.isUnderstood = false
    return this.#line.slice(from)
  }

  #skipQuoted(quote: string): void {
    while (this.#at < this.#line.length) {
      const char = this.#next()
      if (char === quote) return
      if (char === '\\' && quote === '"') this.#at += 1
    }
    this.isUnderstood = false
  }

  #backquoted(): string {
    let inside = ''
    while (this.#at < this.#line.length) {
      const char = this.#next()
      if (char === '`') return inside
      inside += char === '\\' && '`\\$'.includes(this.#peek()) ? this.#next() : char
    }
    this.isUnderstood = false
    return inside
  }

  #redirection(): void {
    // `2>`: the number is no word.
    if (/^\d+$/.test(this.#text)) this.#dropWord()
    this.#endWord()
    const from = this.#at - 1
    while ('<>&|'.includes(this.#peek()) && this.#peek() !== '') this.#at += 1
    // `<<< text` is input like any other word, and `<( … )` a command.
    this.#isRedirected = this.#line.slice(from, this.#at) !== '<<<' && this.#peek() !== '('
  }

  #comment(): void {
    const end = this.#line.indexOf('\n', this.#at)
    this.#at = end < 0 ? this.#line.length : end
  }

  #until(quote: string): string {
    const end = this.#line.indexOf(quote, this.#at)
    if (end < 0) this.isUnderstood = false
    const text = this.#line.slice(this.#at, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#line.length : end + 1
    return text
  }

  #put(text: string): void {
    this.#text += text
    this.#isWord = true
  }

  #endWord(): void {
    if (!this.#isWord) return
    if (!this.#isRedirected) this.#words.push({ text: this.#text, isExpanded: this.#isExpanded })
    this.#isRedirected = false
    this.#dropWord()
  }

  #dropWord(): void {
    this.#text = ''
    this.#isWord = false
    this.#isExpanded = false
  }

  #endCommand(): void {
    this.#endWord()
    this.#isRedirected = false
    if (this.#words.length > 0) this.commands.push(this.#words)
    this.#words = []
  }

  #peek(): string {
    return this.#line.charAt(this.#at)
  }

  #next(): string {
    this.#at += 1
    return this.#line.charAt(this.#at - 1)
  }
}

const named: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '',
  b: '',
  e: '',
  E: '',
  f: '\f',
  v: '\v',
}
