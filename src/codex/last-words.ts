/**
 * What a process that ended had written to stderr, as far as it can be the reason: in one line. Codex (0.169.0) logs there what it goes on
 * after, and a fault ends it with a panic or a line of its own; so its log counts only when nothing else was said, and of that only errors.
 */
export function lastWords(stderrTail: string): string {
  const lines = stderrTail.split('\n').filter(line => line.trim() !== '')
  const own = lines.filter(line => !line.startsWith('WARNING: ') && levelOf(line) === undefined)
  const told = own.length > 0 ? own : lines.filter(line => levelOf(line) === 'ERROR')
  return told.slice(-3).join(' ').slice(-500)
}

/** Of a line of its log: time, level, where, what. */
function levelOf(line: string): string | undefined {
  return /^\d{4}-\d\d-\d\dT\S+ +(TRACE|DEBUG|INFO|WARN|ERROR) /.exec(line)?.[1]
}
