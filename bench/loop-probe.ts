import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/*
 * Loaded into a daemon before its own code (`node --import`): measures from inside how late its event loop is, and writes it
 * into the state directory when it is told to, by SIGUSR2. The daemon itself has nothing for it.
 */

const resolutionMs = 5
const delay = monitorEventLoopDelay({ resolution: resolutionMs })
delay.enable()

process.on('SIGUSR2', () => {
  // The histogram counts the interval of its timer, too.
  const late = (percent: number): number => Math.max(0, delay.percentile(percent) / 1e6 - resolutionMs)
  const seen = { count: delay.count, p50: late(50), p99: late(99), max: late(100) }
  writeFileSync(join(process.env['TANDEM_STATE_DIR'] ?? '', 'loop-delay.json'), JSON.stringify(seen))
  delay.reset()
})
