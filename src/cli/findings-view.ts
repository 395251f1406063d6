import { exitCodes } from './exit-codes.ts'
import { cutTo } from './plain-text.ts'
import type { Session } from './session.ts'
import type { Paint } from './paint.ts'
import type { Finding, FindingsReport } from '#contracts'
import { plain, plainLine } from '#kernel'

/** What a person has to do comes below what was looked at; piped, one finding a line. */
export function showFindings({ findings }: FindingsReport, { out }: Session): void {
  if (!out.isTerminal) {
    for (const { name, state, code, message, cure } of findings)
      out.line([name, state, code ?? '', message, cure ?? ''].map(plainLine).join('\t'))
    return
  }
  const width = Math.max(...findings.map(({ name }) => name.length))
  for (const finding of findings) {
    const sign = signs[finding.state]
    const head = `${sign.paint(out.paint)(sign.text)} ${finding.name.padEnd(width)}  `
    out.line(`${head}${cutTo(plainLine(finding.message), Math.max(20, out.columns() - width - 11))}`)
  }
  const wrong = findings.filter(({ state }) => state === 'problem' || state === 'warning')
  for (const finding of wrong) showCure(finding, out)
  if (wrong.length === 0) out.line('\nnothing is wrong')
}

function showCure({ name, code, message, cure }: Finding, out: Session['out']): void {
  out.line('')
  out.line(`${out.paint.bold(name)}: ${plain(message)}`)
  if (cure !== null) out.line(`  cure: ${plain(cure)}`)
  if (code !== null) out.line(`  code: ${plain(code)}`)
}

/** Of all problems that of the configuration counts: nothing helps before it is cured. */
export function exitCodeOfFindings({ findings }: FindingsReport): number {
  const problems = findings.filter(({ state }) => state === 'problem')
  if (problems.length === 0) return exitCodes.ok
  return problems.some(finding => finding.is_configuration) ? exitCodes.configuration : exitCodes.problem
}

const signs: Readonly<
  Record<Finding['state'], { readonly text: string; readonly paint: (paint: Paint) => Paint['red'] }>
> = {
  ok: { text: 'ok     ', paint: paint => paint.green },
  warning: { text: 'warning', paint: paint => paint.yellow },
  problem: { text: 'problem', paint: paint => paint.red },
  skipped: { text: 'skipped', paint: paint => paint.dim },
}
