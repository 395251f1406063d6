import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { judge, quantile } from '../bench/figure.ts'
import { figures } from '../bench/figures/index.ts'
import { measure, missingFor } from '../bench/lab.ts'
import { tableOf } from '../bench/table.ts'
import { commandOf, endProcessesOf, processesOf } from './support/tandem.ts'
import type { Measurement } from '../bench/figure.ts'
import type { Result } from '../bench/table.ts'

/* That the figures can be measured, and that what is measured is right. How fast it was is for the benchmark to say. */

describe('a figure', () => {
  const results: Result[] = []
  afterAll(() => void process.stdout.write(`\n${tableOf(results)}\n`))

  const possible = figures.filter(figure => missingFor(figure) === undefined)
  it.each(possible)('$name is measured', { timeout: 180_000 }, async figure => {
    const measurements = await measure(figure, {
      isQuick: true,
      say: () => undefined,
      interrupted: new AbortController().signal,
    })
    results.push({ figure, measurements })
    const samples = measurements.flatMap(each => [...each.samples, ...each.reference.samples])
    expect(samples.filter(sample => !Number.isFinite(sample) || sample < 0)).toEqual([])
    expect(measurements.flatMap(each => each.goals).length).toBeGreaterThan(0)
    expect(measurements.every(each => each.samples.length > 0 && each.reference.samples.length > 0)).toBe(true)
  })
})

describe('the benchmark', () => {
  it('leaves nothing behind when it is interrupted', async () => {
    // Its worlds are made in here, and each of their processes has the path in its environment.
    const folder = mkdtempSync(join(tmpdir(), 'bench-'))
    const child = spawn(process.execPath, [resolve('bench/main.ts'), '--only', 'many-threads'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: 'ignore',
    })
    try {
      const exited = once(child, 'exit')
      const isAtWork = (): boolean => processesOf(folder).some(pid => commandOf(pid).includes('app-server'))
      await expect.poll(isAtWork, patience).toBe(true)
      child.kill('SIGINT')
      expect(await exited).toEqual([130, null])
      expect(processesOf(folder).map(commandOf)).toEqual([])
      expect(readdirSync(folder)).toEqual([])
    } finally {
      endProcessesOf(folder)
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('names the figures when one is asked for that there is not', async () => {
    const child = spawn(process.execPath, [resolve('bench/main.ts'), '--only', 'speed'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => void (said += chunk.toString()))
    await once(child, 'close')
    expect([child.exitCode, said]).toEqual([64, expect.stringContaining('warm-turn')])
  })
})

describe('a goal', () => {
  const measurement = (goals: Measurement['goals']): Measurement => ({
    what: 'a call',
    unit: 'ms',
    goals,
    samples: [10, 30, 20, 40],
    reference: { what: 'less', samples: [10, 10, 20, 10] },
  })

  it('is judged by a sample that was seen', () => {
    expect(quantile([4, 1, 3, 2], 'p50')).toBe(2)
    expect(quantile([5], 'p99')).toBe(5)
    expect(quantile([1, 9], 'max')).toBe(9)
    expect(() => quantile([], 'p50')).toThrow('no sample')
  })

  it('is met at its limit and missed above it', () => {
    const goals = [
      { at: 'max', of: 'value', atMost: 40 },
      { at: 'max', of: 'ratio', atMost: 1.9 },
      { at: 'p50', of: 'added', atMost: 0 },
    ] as const
    // What a call adds is judged pair by pair: 0, 20, 0 and 30.
    expect(judge(measurement(goals)).map(({ seen, isMet }) => [seen, isMet])).toEqual([
      [40, true],
      [2, false],
      [0, true],
    ])
  })

  it('has a line of its own in the table, with its reference', () => {
    const goals = [{ at: 'p50', of: 'added', atMost: 10 }] as const
    const [head, line, ...rest] = tableOf([
      { figure: { name: 'call', title: '' }, measurements: [measurement(goals)] },
    ]).split('\n')
    expect(head?.split(/ {2,}/)).toEqual(['figure', 'what', 'goal', 'measured', 'reference', 'ratio', 'met'])
    expect(line?.split(/ {2,}/)).toEqual([
      'call',
      'a call',
      'p50 <= +10 ms',
      '+0.0 ms (20.0) n=4',
      '10.0 ms, less',
      '2.00x',
      'yes',
    ])
    expect(rest).toEqual([])
  })

  it('that compares pairs refuses samples without a partner', () => {
    const odd = { ...measurement([{ at: 'p50', of: 'added', atMost: 1 }]), samples: [1] }
    expect(() => judge(odd)).toThrow('1 samples have 4 partners')
  })
})

const patience = { timeout: 60_000 }
