import { atMost, rule, say, scenario, shell } from '#scripted-model'
import { applyEdits } from './edits.ts'
import { serviceBefore } from './service-before.ts'
import { adjustmentEdits, implementationEdits, newFiles } from './service-after.ts'
import * as words from './words.ts'
import type { Rule, Scenario, Step } from '#scripted-model'
import type { Edit, TextFiles } from './edits.ts'

/** The stages of the story in order; a tool call of Claude carries its stage in its id. */
export const stageNames = [
  'analysis',
  'discussion',
  'prototype',
  'implementation',
  'review',
  'adjustment',
  'final_review',
  'documentation',
] as const
export type StageName = (typeof stageNames)[number]

/** Stages in which Claude calls Codex. */
export const codexStages = ['analysis', 'discussion', 'prototype', 'review', 'final_review', 'documentation'] as const
export type CodexStage = (typeof codexStages)[number]

export const promptOf: Readonly<Record<CodexStage, string>> = {
  analysis: words.analysis.prompt,
  discussion: words.discussion.prompt,
  prototype: words.prototype.prompt,
  review: words.review.prompt,
  final_review: words.finalReview.prompt,
  documentation: words.documentation.prompt,
}

/** Only the tools that Claude needs for its part; those of Tandem are allowed by the launcher. */
export const claudeTools = 'Read,Write,Edit,Bash(node --test)'

/** What the service must look like when Claude has done its part. */
export function expectedFiles(): TextFiles {
  const implemented = applyEdits({ ...serviceBefore, ...newFiles }, implementationEdits)
  return { ...applyEdits(implemented, adjustmentEdits), 'docs/accounts.md': words.documentation.answer }
}

/** Codex's answer hangs here, half said, until the daemon is killed. */
export const gate = 'until the daemon is killed'
/** The rule that plays it. */
export const cutRule = 'codex: documentation, cut'

export function demoScenario(projectDir: string): Scenario {
  return scenario('tandem demo', [...claudeRules(projectDir), ...codexRules()])
}

/** Claude has one prompt, so the n-th rule answers after n answers. */
function claudeRules(projectDir: string): readonly Rule[] {
  const moves: readonly (readonly [StageName | 'farewell', readonly Step[]])[] = [
    ['analysis', [say('First Codex takes the task apart.'), askCodex('analysis', projectDir, {})]],
    ['discussion', [say('Four things are open.'), askCodex('discussion', projectDir, inSession)]],
    ['prototype', [say('Settled. Now a prototype.'), askCodex('prototype', projectDir, inSession)]],
    ['implementation', [say('I read what I have to change.'), ...readFiles(projectDir)]],
    ['implementation', [say('Now I write it, with the prototype as a draft.'), ...writeFiles(projectDir)]],
    ['implementation', [runTests('implementation')]],
    ['review', [say('The tests pass. Codex is to review it at once.'), askCodex('review', projectDir, asReview)]],
    ['adjustment', [say('All three are right. I fix them.'), ...editFiles('adjustment', projectDir, adjustmentEdits)]],
    ['adjustment', [runTests('adjustment')]],
    ['final_review', [say('Codex is to look once more.'), askCodex('final_review', projectDir, asReview)]],
    ['documentation', [say('Ready. Now the page for the docs.'), askCodex('documentation', projectDir, inSession)]],
    ['documentation', [writeFile('documentation', projectDir, ['docs/accounts.md', '{{toolResult.agent_messages}}'])]],
    ['farewell', [say(words.farewell)]],
  ]
  return moves.map(([name, steps], at) => rule(`claude: ${name}`, { dialect: 'messages', sincePrompt: at }, steps))
}

/** The scripted model fills it from the answers of Codex that came so far: Claude passes on what it was given. */
const inSession = { SESSION_ID: '{{toolResult.SESSION_ID}}' } as const
const asReview = { ...inSession, output_schema: words.reviewSchema } as const

/** Every turn is read-only, and no check needs a command of Codex to succeed: where a sandbox cannot be made, the story still holds. */
function askCodex(stage: CodexStage, cd: string, more: Readonly<Record<string, unknown>>): Step {
  return toolCall(stage, 0, 'mcp__tandem__codex', { PROMPT: promptOf[stage], cd, sandbox: 'read-only', ...more })
}

function readFiles(projectDir: string): readonly Step[] {
  const paths = [...new Set(implementationEdits.map(edit => edit.path))]
  return paths.map((path, at) => toolCall('implementation', at, 'Read', { file_path: `${projectDir}/${path}` }))
}

function writeFiles(projectDir: string): readonly Step[] {
  return [
    ...Object.entries(newFiles).map(file => writeFile('implementation', projectDir, file)),
    ...editFiles('implementation', projectDir, implementationEdits),
  ]
}

function writeFile(stage: StageName, projectDir: string, [path, content]: readonly [string, string]): Step {
  return toolCall(stage, `write_${path}`, 'Write', { file_path: `${projectDir}/${path}`, content })
}

function editFiles(stage: StageName, projectDir: string, edits: readonly Edit[]): readonly Step[] {
  return edits.map(({ path, before, after }, at) =>
    toolCall(stage, `edit_${at}`, 'Edit', {
      file_path: `${projectDir}/${path}`,
      old_string: before,
      new_string: after,
    }),
  )
}

function runTests(stage: StageName): Step {
  return toolCall(stage, 'test', 'Bash', { command: 'node --test', description: 'run the tests' })
}

function toolCall(
  stage: StageName,
  nth: number | string,
  name: string,
  input: Readonly<Record<string, unknown>>,
): Step {
  return { toolCall: { name, arguments: { ...input }, id: `toolu_${stage}-${String(nth).replace(/\W/g, '_')}` } }
}

export function stageOfToolCall(id: string): StageName | undefined {
  const [, stage] = /^toolu_(\w+)-/.exec(id) ?? []
  return stageNames.find(name => name === stage)
}

function codexRules(): readonly Rule[] {
  const { analysis, discussion, prototype, review, finalReview, documentation } = words
  return [
    // Before the others: the continuation may quote the prompt of the turn that was cut.
    ...looksThenSays('codex: documentation, continued', continuation, {
      command: documentation.commandAfterCrash,
      answer: documentation.answer,
    }),
    ...looksThenSays('codex: analysis', analysis.prompt, analysis),
    rule('codex: discussion', codexIsAsked(discussion.prompt), [
      { reasoning: 'four questions' },
      say(discussion.answer),
    ]),
    ...looksThenSays('codex: prototype', prototype.prompt, prototype),
    ...looksThenSays('codex: review', review.prompt, { ...review, answer: JSON.stringify(review.answer) }),
    ...looksThenSays('codex: final review', finalReview.prompt, {
      ...finalReview,
      answer: JSON.stringify(finalReview.answer),
    }),
    rule('codex: documentation, looks', { ...codexIsAsked(documentation.prompt), sincePrompt: 0 }, [
      shell(documentation.command),
    ]),
    atMost(1, rule(cutRule, codexIsAsked(documentation.prompt), [say(documentation.halfAnswer), { gate }])),
    // When Codex had not seen the prompt before the crash, it comes once more.
    rule('codex: documentation, whole', codexIsAsked(documentation.prompt), [say(documentation.answer)]),
  ]
}

/** Codex runs a command and answers when it has its output. */
function looksThenSays(
  name: string,
  prompt: string,
  part: { readonly command: string; readonly answer: string },
): readonly Rule[] {
  return [
    rule(`${name}, looks`, { ...codexIsAsked(prompt), sincePrompt: 0 }, [
      { reasoning: 'I look at the files first.' },
      shell(part.command),
    ]),
    rule(name, codexIsAsked(prompt), [say(part.answer)]),
  ]
}

const codexIsAsked = (prompt: string): { readonly dialect: 'responses'; readonly lastText: string } => ({
  dialect: 'responses',
  lastText: prompt,
})

/** In every continuation that Tandem writes. */
const continuation = 'was cut off by a crash'
