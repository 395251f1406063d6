import { describe, expect, it } from 'vitest'
import { asAgentId, asTurnId } from '#kernel'
import { TurnQueue } from './turn-queue.ts'

const turn = (id: string, agent: string) => ({ id: asTurnId(id), agentId: asAgentId(agent) })

function filled(maxRunning: number, ...turns: readonly ReturnType<typeof turn>[]) {
  const queue = new TurnQueue<ReturnType<typeof turn>>(maxRunning)
  for (const each of turns) queue.add(each)
  return queue
}

describe('the queue of turns', () => {
  it('runs one turn of an agent at a time, in order, and does not hold up other agents', () => {
    const queue = filled(10, turn('a1', 'a'), turn('a2', 'a'), turn('b1', 'b'))
    expect([queue.take()?.id, queue.take()?.id, queue.take()?.id]).toEqual(['a1', 'b1', undefined])
    queue.ended(asTurnId('a1'))
    expect(queue.take()?.id).toBe('a2')
    expect([queue.waitingCount, queue.runningCount]).toEqual([0, 2])
  })

  it('runs so many in all', () => {
    const queue = filled(2, turn('a1', 'a'), turn('b1', 'b'), turn('c1', 'c'))
    expect([queue.take()?.id, queue.take()?.id, queue.take()?.id]).toEqual(['a1', 'b1', undefined])
    queue.ended(asTurnId('b1'))
    expect(queue.take()?.id).toBe('c1')
  })

  it('gives up a waiting turn, once, and not one that runs', () => {
    const queue = filled(1, turn('a1', 'a'), turn('a2', 'a'))
    queue.take()
    expect([queue.has(asTurnId('a1')), queue.has(asTurnId('a2'))]).toEqual([false, true])
    expect([queue.remove(asTurnId('a1')), queue.remove(asTurnId('a2')), queue.remove(asTurnId('a2'))]).toEqual([
      false,
      true,
      false,
    ])
    queue.ended(asTurnId('a1'))
    expect(queue.take()).toBeUndefined()
  })
})
