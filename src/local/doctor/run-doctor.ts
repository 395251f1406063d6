import { runCheck } from '../check/run-check.ts'
import type { FindingsReport } from '#contracts'
import type { CheckDeps } from '../check/run-check.ts'

export interface DoctorDeps extends CheckDeps {
  readonly onStep: (step: string) => void
  readonly signal: AbortSignal
}

export async function runDoctor(deps: DoctorDeps): Promise<FindingsReport> {
  return runCheck(deps)
}
