import { describe, expect, it } from 'vitest'
import type { CodexEvent } from '#codex'
import { createCommandWatch } from './command-watch.ts'

const place = { threadId: 't', codexTurnId: 'c' }
const typed = (text: string, itemId = 'shell'): CodexEvent => ({ kind: 'command-input', ...place, itemId, text })
const unchecked: CodexEvent = { kind: 'command-unchecked', reason: 'hook exited with code 1', ...place }

/** The code that ends the turn, after each of the events. */
function codesOf(
  denied: readonly (readonly string[])[],
  ...events: readonly CodexEvent[]
): readonly (string | undefined)[] {
  const watch = createCommandWatch(denied)
  return events.map(event => watch.see(event)?.code)
}

describe('a turn for which commands are denied', () => {
  const denied = [['git', 'push']]

  it('must end when one is typed into a running command, also bit by bit', () => {
    expect(codesOf(denied, typed('cd x\n'), typed('git pu'), typed('sh\r'))).toEqual([
      undefined,
      undefined,
      'POLICY_DENIED_COMMAND',
    ])
    expect(codesOf(denied, typed('git '), typed('push', 'another'))).toEqual([undefined, undefined])
    expect(codesOf(denied, typed(`${'x\n'.repeat(20_000)}git push`))).toEqual(['POLICY_DENIED_COMMAND'])
  })

  it('must end when a command ran that could not be checked; one that was refused is no reason', () => {
    const refused: CodexEvent = { kind: 'command-denied', reason: 'not allowed', ...place }
    expect(codesOf(denied, refused, unchecked)).toEqual([undefined, 'POLICY_COMMAND_UNCHECKED'])
  })

  it('keeps a bounded number of commands in mind, and still looks at the others', () => {
    const many = Array.from({ length: 300 }, (_, at) => typed('ls\n', `item ${at}`))
    expect(codesOf(denied, ...many, typed('git push\n', 'the last')).at(-1)).toBe('POLICY_DENIED_COMMAND')
  })
})

it('a turn for which nothing is denied does not end for what it types', () => {
  expect(codesOf([], typed('git push\n'), unchecked)).toEqual([undefined, undefined])
})
