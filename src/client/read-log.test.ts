import { spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readLog } from '#client'
import type { ReadLogOptions } from '#client'
import { systemClock } from '#kernel'
import { tempPlaces } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let file = ''
const said: string[] = []
let stop: AbortController

beforeEach(() => {
  temp = tempPlaces()
  file = temp.places.logFile
  stop = new AbortController()
  said.length = 0
  mkdirSync(temp.places.stateDir, { recursive: true })
})
afterEach(() => {
  stop.abort()
  temp[Symbol.dispose]()
})

const read = (options: Partial<ReadLogOptions> & { readonly lines: number }): Promise<void> =>
  readLog(
    { places: temp.places, clock: systemClock },
    { follow: false, signal: stop.signal, write: text => said.push(text), ...options },
  )

describe('readLog', () => {
  it('passes the last lines', async () => {
    writeFileSync(file, 'one\ntwo\nthree\n')
    await read({ lines: 2 })
    expect(said).toEqual(['two\n', 'three\n'])
  })

  it.each([
    ['a directory', () => mkdirSync(file), 'it is a directory'],
    ['a link to nothing', () => symlinkSync('/nowhere/daemon.log', file), 'it is a link to nothing'],
    ['a pipe that nobody writes into', () => void spawnSync('mkfifo', [file]), 'it is not a file'],
  ])('says what to do when the log is %s', async (_, occupy, problem) => {
    occupy()
    await expect(read({ lines: 2 })).rejects.toMatchObject({
      code: 'LOG_UNWRITABLE',
      message: `the log ${file} cannot be read: ${problem}`,
      hint: expect.stringContaining(`mv ${file} ${file}.old`),
    })
  })

  it('passes what was set aside before, when the file has too few', async () => {
    writeFileSync(`${file}.2026-11-19.2`, 'a\nb\n')
    writeFileSync(`${file}.2026-11-19.1`, 'older\n')
    writeFileSync(`${file}.2026-11-20.10`, 'd\n')
    writeFileSync(`${file}.2026-11-20.9`, 'c\n')
    writeFileSync(`${file}.old`, 'not ours\n')
    writeFileSync(file, 'e\n')
    await read({ lines: 4 })
    expect(said).toEqual(['b\n', 'c\n', 'd\n', 'e\n'])
  })

  it('counts and passes only lines that are wanted, across files and while it follows', async () => {
    writeFileSync(`${file}.2026-11-19.1`, 'keep 1\nno\nkeep 2\nno\n')
    writeFileSync(file, 'no\nkeep 3\nno\n')
    const isWanted = (line: string): boolean => line.startsWith('keep')
    await read({ lines: 2, isWanted })
    expect(said).toEqual(['keep 2\n', 'keep 3\n'])
    const arrived = Promise.withResolvers<void>()
    const write = (text: string): void => {
      said.push(text)
      if (text === 'keep 5\n') arrived.resolve()
      if (text === 'keep 3\n') {
        appendFileSync(file, 'no\nkeep 4\n')
        renameSync(file, `${file}.2026-11-20.1`)
        writeFileSync(file, 'keep 5\nno\n')
      }
    }
    said.length = 0
    const following = read({ lines: 1, follow: true, isWanted, write })
    await arrived.promise
    stop.abort()
    await following
    expect(said).toEqual(['keep 3\n', 'keep 4\n', 'keep 5\n'])
  })

  it('passes nothing when asked for nothing, and all when there is less', async () => {
    writeFileSync(file, 'one\n')
    await read({ lines: 0 })
    expect(said).toEqual([])
    await read({ lines: 100 })
    expect(said).toEqual(['one\n'])
  })

  it('passes more lines than a function can take arguments, and counts as many', async () => {
    const many = 300_000
    writeFileSync(`${file}.2026-11-19.1`, Array.from({ length: many }, (_, at) => `${at}\n`).join(''))
    writeFileSync(file, 'last\n')
    let count = 0
    const write = (text: string): void => {
      count += 1
      if (count === 1) said.push(text)
    }
    await read({ lines: Infinity, write })
    expect([count, ...said]).toEqual([many + 1, '0\n'])
    count = 0
    await read({ lines: many - 1, write })
    expect([count, said.at(-1)]).toEqual([many - 1, '2\n'])
  }, 20_000)

  it('leaves out empty lines, and passes a line without end in pieces', async () => {
    writeFileSync(file, 'one\n\n\n \ntwo\n\n')
    await read({ lines: 2 })
    expect(said).toEqual(['one\n', 'two\n'])
    said.length = 0
    const long = 'x'.repeat(3_000_000)
    writeFileSync(file, `${long}\nend\n`)
    await read({ lines: Infinity })
    expect(said.join('')).toBe(`${long}\nend\n`)
    expect(Math.max(...said.map(text => text.length))).toBeLessThan(1_200_000)
  })

  it('stops in the middle when it is told to', async () => {
    writeFileSync(file, 'a line of the log\n'.repeat(100_000))
    let count = 0
    await read({ lines: Infinity, write: () => void ((count += 1) === 10 && stop.abort()) })
    expect(count).toBeLessThan(10_000)
  })

  it('says how to get a log when there is none', async () => {
    await expect(read({ lines: 5 })).rejects.toMatchObject({
      code: 'LOG_MISSING',
      hint: expect.stringContaining('tandem up'),
    })
  })

  it('follows whole lines, through rotations, until it is told to stop', async () => {
    writeFileSync(file, 'old\n')
    const reading = read({ lines: 1, follow: true })
    await expect.poll(() => said).toEqual(['old\n'])
    appendFileSync(file, 'half')
    appendFileSync(file, ' a line\n')
    await expect.poll(() => said.at(-1)).toBe('half a line\n')
    appendFileSync(file, 'last of the first\n')
    renameSync(file, `${file}.2026-11-20.1`)
    writeFileSync(file, 'first of the second\n')
    await expect.poll(() => said).toEqual(['old\n', 'half a line\n', 'last of the first\n', 'first of the second\n'])
    stop.abort()
    await reading
  })

  it('follows through several rotations between two looks, and through a file that is emptied', async () => {
    writeFileSync(file, 'old\n')
    const reading = read({ lines: 1, follow: true })
    await expect.poll(() => said).toEqual(['old\n'])
    const setAside = (name: string, text: string): void => {
      appendFileSync(file, text)
      renameSync(file, `${file}.${name}`)
    }
    writeFileSync(`${file}.2026-11-20.1`, 'long before\n')
    setAside('2026-11-20.2', 'one\n')
    setAside('2026-11-20.3', 'two\nthree\n')
    setAside('2026-11-21.1', 'four\n')
    writeFileSync(file, 'five\n')
    await expect.poll(() => said).toEqual(['old\n', 'one\n', 'two\n', 'three\n', 'four\n', 'five\n'])
    truncateSync(file)
    await expect
      .poll(() => {
        appendFileSync(file, '6\n')
        return said.at(-1)
      })
      .toBe('6\n')
    stop.abort()
    await reading
  })

  it('waits for a log that is not there yet', async () => {
    const reading = read({ lines: 5, follow: true })
    writeFileSync(file, 'begun\n')
    await expect.poll(() => said).toEqual(['begun\n'])
    stop.abort()
    await reading
  })
})
