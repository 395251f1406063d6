import { closeSync, openSync, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { systemClock } from '#kernel'
import { takeLock } from '../../src/app/lock.ts'

/*
 * A process that wants the lock of a directory: `hold-lock.ts DIR WAIT_MS daemon|stranger|store copy`. The last words are not
 * read here: a command line is what a daemon and others are told apart by. Says "ready"; at each line it tries, and says
 * "got" or the code of the error. Who has it gives it back at the next line and says "gone". While it holds the lock, a
 * marker file is its alone: making it fails when another has it, too.
 */
const [directory = '', waitMs = '0'] = process.argv.slice(2)
const places = { lockFile: `${directory}/daemon.lock`, addressFile: `${directory}/daemon.json` }
const marker = `${directory}/marker`
const say = (word: string): void => void process.stdout.write(`${word}\n`)
let held: Disposable | undefined

say('ready')
for await (const _ of createInterface({ input: process.stdin })) {
  if (held !== undefined) {
    rmSync(marker)
    held[Symbol.dispose]()
    held = undefined
    say('gone')
    continue
  }
  try {
    held = await takeLock(places, systemClock, Number(waitMs))
    closeSync(openSync(marker, 'wx'))
    say('got')
  } catch (error) {
    say(error instanceof Error && 'code' in error ? String(error.code) : String(error))
  }
}
