import { expect, test } from 'vitest'
import { AppError } from '#kernel'
import { parseScenario } from './index.ts'

const reply = { steps: [{ text: 'hello' }] }
const whole = (over: object): unknown => ({ name: 'play', rules: [{ name: 'first', when: {}, reply }], ...over })
const withRule = (over: object): unknown => whole({ rules: [{ name: 'first', when: {}, reply, ...over }] })
const withStep = (step: unknown): unknown => withRule({ reply: { steps: [step] } })

test('takes a scenario with every kind of step and condition as it is', () => {
  const scenario = whole({
    rules: [
      {
        name: 'all',
        when: {
          dialect: 'responses',
          model: '/^gpt/',
          lastText: 'hi',
          lastToolResult: '/ok/i',
          anyText: 'x',
          turn: 0,
          sincePrompt: 0,
          tools: ['exec_command'],
          header: { 'x-a': '/b/' },
          stream: true,
          side: false,
        },
        times: 2,
        reply: [
          {
            steps: [
              { text: 'a', chunks: 2, chunkDelayMs: 1 },
              { reasoning: 'b' },
              { toolCall: { name: 't', arguments: { a: 1 }, id: 'call_1' } },
              { toolCall: { name: 't', arguments: 'raw' } },
              { shell: 'ls' },
              { patch: '*** Begin Patch' },
              { delayMs: 1 },
              { gate: 'g' },
              { open: true },
              {
                error: { status: 429, type: 't', code: 'c', message: 'm', headers: { a: 'b' }, data: { resets_at: 1 } },
              },
              { cut: true },
              { silent: true },
              { malformed: true },
            ],
            usage: { input: 1, output: 2, cached: 0 },
            status: 'incomplete',
            headers: { 'x-codex-primary-used-percent': '12' },
          },
        ],
      },
    ],
    fallback: reply,
  })
  expect(parseScenario(scenario)).toEqual(scenario)
})

test.each([
  ['nothing', undefined, 'the top'],
  ['a missing name', { rules: [] }, 'name'],
  ['a name that no header can carry', whole({ name: 'Zeile\n' }), 'name'],
  ['an unknown field', whole({ rulez: [] }), 'rulez'],
  ['an unknown condition', withRule({ when: { lasttext: 'x' } }), 'rules[0].when.lasttext'],
  ['a bad regular expression', withRule({ when: { lastText: '/(/' } }), 'rules[0].when.lastText'],
  ['another dialect', withRule({ when: { dialect: 'chat' } }), 'rules[0].when.dialect'],
  ['no plays at all', withRule({ times: 0 }), 'rules[0].times'],
  ['a rule without reply', whole({ rules: [{ name: 'first', when: {} }] }), 'rules[0].reply'],
  ['an unknown step', withStep({ txt: 'x' }), 'rules[0].reply.steps[0]'],
  ['a wrong member of a step', withStep({ text: 'x', chunk: 2 }), 'rules[0].reply.steps[0].chunk'],
  [
    'a status that is no error',
    withStep({ error: { status: 200, message: 'm' } }),
    'rules[0].reply.steps[0].error.status',
  ],
  ['a delay over ten minutes', withStep({ delayMs: 600_001 }), 'rules[0].reply.steps[0].delayMs'],
  ['a bad second reply', withRule({ reply: [reply, { steps: 'x' }] }), 'rules[0].reply[1].steps'],
])('refuses %s and names the field', (_what, input, field) => {
  const failure = failureOf(() => parseScenario(input))
  expect({ code: failure.code, kind: failure.kind, field: failure.data['field'] }).toEqual({
    code: 'SCENARIO_INVALID',
    kind: 'invalid',
    field,
  })
  expect(failure.message).toContain(field)
})

function failureOf(run: () => unknown): AppError {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error('expected an AppError')
}
