import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { FaultRow } from './fault-table.ts'

export interface FaultCollector extends Reporter {
  /** What each fault came to, in the order of their files. */
  readonly rows: readonly FaultRow[]
  /** Tests and files that failed and are no fault: the run itself is not sound. */
  readonly problems: readonly string[]
}

/** Says one line for each fault when it is over. */
export function collectFaults(say: (line: string) => void): FaultCollector {
  const rows: FaultRow[] = []
  const problems: string[] = []
  return {
    rows,
    problems,
    onTestCaseResult(test) {
      const row = rowOf(test)
      if (row !== undefined) say(`${row.verdict.padEnd(7)} ${row.seconds.toFixed(1).padStart(6)} s  ${row.fault}`)
      if (row?.problem !== undefined) say(`        ${row.problem}`)
    },
    onTestRunEnd(modules, errors) {
      for (const module of modules.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId))) {
        for (const test of module.children.allTests()) {
          const row = rowOf(test)
          if (row !== undefined) rows.push(row)
          else if (test.result().state === 'failed') problems.push(test.fullName)
        }
        problems.push(...failuresOf(module))
      }
      problems.push(...errors.map(error => error.message))
    },
  }
}

function failuresOf(module: TestModule): readonly string[] {
  return module.errors().map(error => `${module.relativeModuleId}: ${error.message}`)
}

function rowOf(test: TestCase): FaultRow | undefined {
  const { fault } = test.meta()
  if (fault === undefined) return undefined
  const result = test.result()
  const seconds = (test.diagnostic()?.duration ?? 0) / 1000
  if (result.state === 'failed') {
    const { seen: _seen, ...rest } = fault
    return { ...rest, verdict: 'FAILED', seconds, problem: result.errors.map(error => error.message).join('; ') }
  }
  return { ...fault, verdict: fault.notRun === undefined ? 'ok' : 'NOT RUN', seconds }
}
