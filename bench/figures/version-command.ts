import { join } from 'node:path'
import type { Figure } from '../figure.ts'
import { timeOf } from '../figure.ts'
import { runProgram } from '../programs.ts'

/** What every command pays before it does anything. */
export const versionCommand: Figure = {
  name: 'version-command',
  title: '`tandem --version` beside a Node that does nothing',
  async run(lab) {
    const ours: number[] = []
    const theirs: number[] = []
    const rounds = lab.rounds(60)
    for (let round = 0; round < rounds; round += 1) {
      const pair = [
        async () =>
          ours.push(await timeOf(() => runProgram(process.execPath, [join(lab.program, 'tandem.js'), '--version']))),
        async () => theirs.push(await timeOf(() => runProgram(process.execPath, ['-e', '0']))),
      ]
      for (const take of round % 2 === 0 ? pair : pair.toReversed()) await take()
    }
    return [
      {
        what: 'start to end',
        unit: 'ms',
        goals: [{ at: 'p50', of: 'ratio', atMost: 1.6 }],
        samples: ours,
        reference: { what: '`node -e 0`', samples: theirs },
      },
    ]
  },
}
