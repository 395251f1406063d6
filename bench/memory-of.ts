import { readFileSync } from 'node:fs'

/** The proportional set size in megabytes: what a process has for itself, and its share of what it has with others. */
export function memoryOf(pid: number): number {
  const found = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
  if (found === null) throw new Error(`the kernel does not tell the memory of ${pid}`)
  return Number(found[1]) / 1024
}
