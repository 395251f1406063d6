import { describe, expect, it } from 'vitest'
import { sleep } from '#kernel'
import { rule, say, shell } from '#scripted-model'
import { caller, openTandemWorld } from './support/tandem-world.ts'

/** Kills in all: half of them of the daemon, half of the app-server. */
const kills = 20

describe('kill -9 at random moments', { timeout: 600_000 }, () => {
  it(`${kills} times: no accepted turn is lost or run twice`, async () => {
    await using world = await openTandemWorld([
      rule('go on', { lastText: 'cut off by a crash' }, [
        { text: 'finished after a crash', chunks: 10, chunkDelayMs: 20 },
      ]),
      rule('first', { lastText: '/^job \\d+$/', sincePrompt: 0 }, [say('looking '), shell('ls; sleep 0.2')]),
      rule('second', { lastText: '/^job \\d+$/', sincePrompt: 1 }, [shell('sleep 0.1; cat README.md')]),
      rule('last', { lastText: '/^job \\d+$/' }, [{ text: 'finished in one go', chunks: 20, chunkDelayMs: 20 }]),
    ])
    const client = world.client()
    const prompts: string[] = []
    const outcomes: {
      readonly prompt: string
      readonly status: string
      readonly text: string
      readonly code: string | undefined
    }[] = []
    let session: string | undefined
    for (let round = 0; round < kills; round += 1) {
      const prompt = `job ${round}`
      prompts.push(prompt)
      const accepted = await client.call(
        'ask',
        // Every third one begins a session of its own.
        {
          prompt,
          cd: world.project,
          wait_ms: 0,
          ...(session === undefined || round % 3 === 0 ? {} : { session_id: session }),
        },
        { caller },
      )
      await sleep(Math.random() * 1200)
      if (round % 2 === 0) await world.killDaemon()
      else await world.killCodex()
      const answer = await client.call('wait', { turn_id: accepted.turn_id, wait_ms: 90_000 }, { caller })
      session = answer.session_id ?? undefined
      outcomes.push({ prompt, status: answer.status, text: answer.agent_messages, code: answer.error?.code })
    }
    expect(outcomes).toEqual(
      prompts.map(prompt => ({
        prompt,
        status: 'completed',
        text: expect.stringMatching(/^finished/),
        code: undefined,
      })),
    )
    const history = world.promptsInHistory().filter(prompt => prompts.includes(prompt))
    expect(history.toSorted()).toEqual(prompts.toSorted())
  })
})
