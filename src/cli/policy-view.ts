import type { VerbOutput } from '#contracts'
import { plainLine } from '#kernel'
import type { Session } from './session.ts'
import { writePairs, writeTable } from './table.ts'

/** Each line of the policy that holds here, where it stands and what it means. */
export function writePolicy(shown: VerbOutput<'policy_show'>, { out }: Session): void {
  if (out.isTerminal) {
    writePairs(out, [
      ['policy', `${shown.file}${stateTexts[shown.state]}${shown.detail === null ? '' : ` (${shown.detail})`}`],
      ...(shown.cd === null ? [] : [['directory', shown.cd] as const]),
    ])
    out.line('')
  }
  writeTable(
    out,
    [
      { title: 'SETTING', cell: line => line.setting },
      { title: 'VALUE', cell: line => line.value },
      { title: 'FROM', cell: line => line.from, isFlexible: true },
      { title: 'MEANING', cell: line => line.meaning, isFlexible: true, minColumns: 100 },
    ],
    shown.lines,
  )
}

const stateTexts = {
  file: '',
  none: ': there is none, the defaults hold',
  ignored: ': ignored here, the defaults hold',
} as const

export function writePolicyTest(verdict: VerbOutput<'policy_test'>, { out }: Session): void {
  const network = verdict.sandbox === 'read-only' ? '' : `, ${verdict.network ? 'with' : 'without'} network`
  out.line(plainLine(verdict.allowed ? `allowed: ${verdict.why}${network}` : `not allowed: ${verdict.why}`))
  out.line(plainLine(`by: ${verdict.rule}`))
  if (verdict.cure !== null) out.line(plainLine(verdict.cure))
}
