import type { VerbOutput } from '#contracts'
import { counted, duration, megabytes } from './figures.ts'
import { limitsText } from './limits-text.ts'
import type { Session } from './session.ts'
import { writePairs } from './table.ts'

export function writeStatus(status: VerbOutput<'status'>, { out }: Session): void {
  const { turns } = status
  const limits = status.rate_limits === null ? null : limitsText(status.rate_limits)
  writePairs(out, [
    ['tandem', `${status.version}, pid ${status.pid}, up ${duration(status.uptime_ms)}${conditionOf(status)}`],
    ['codex', codexText(status.codex)],
    ['turns', `${turns.running} running, ${turns.queued} queued, ${turns.ended} ended`],
    ['sessions', String(status.threads)],
    ['clients', `${counted(status.clients, 'client')}, ${megabytes(status.memory_bytes)} of memory`],
    ['socket', status.socket],
    ...(status.http === undefined ? [] : [['http', httpText(status.http)] as const]),
    ['state', status.state_dir],
    ['log', status.log_file],
    ...(limits === null ? [] : [['limits', limits] as const]),
  ])
}

function conditionOf(status: VerbOutput<'status'>): string {
  if (status.is_stopping) return ', stopping'
  return status.is_supervised ? ', supervised' : ', without a supervisor'
}

const httpText = (http: { readonly url: string } | null): string =>
  http === null ? 'not served (tandem logs says why)' : `${http.url}, see ${http.url}/docs`

function codexText(codex: VerbOutput<'status'>['codex']): string {
  // "missing" is how the daemon says that it has no Codex that it can use: there may be one, too old for it.
  const isUnusable = codex.kind === 'missing' && codex.detail !== null
  const parts = [
    [isUnusable ? 'not usable' : codex.kind, codex.version].filter(part => part !== null).join(' '),
    ...(codex.pid === null ? [] : [`pid ${codex.pid}`]),
    ...(codex.path === null ? [] : [codex.path]),
    ...(codex.is_tested_version === false ? [`not tested with this version (tested: ${codex.tested_range})`] : []),
  ]
  const state = parts.join(', ')
  return codex.detail === null ? state : `${state}: ${codex.detail}`
}
