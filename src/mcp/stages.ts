export type StageValues = Readonly<Record<string, string | undefined>>

export interface StageArgument {
  readonly name: string
  readonly description: string
  readonly required?: boolean
}

/** One stage of the collaboration: its arguments and what Claude is told to do. */
export interface Stage {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly arguments: readonly StageArgument[]
  /** Starts the session instead of going on in it. */
  readonly isFirst?: boolean
  /** The stage is Claude's own work. */
  readonly isCallOptional?: boolean
  readonly write: (values: StageValues) => string
}

const ruler = '----------'
const requirements = { name: 'requirements', description: 'what is to be built or solved' }

export const stages: readonly Stage[] = [
  {
    name: 'analyze',
    title: 'analysis',
    description: 'Stage 1: Codex takes the requirements apart and proposes an approach',
    isFirst: true,
    arguments: [
      { ...requirements, required: true },
      { name: 'background', description: 'what the project is built on: framework, database, what exists already' },
    ],
    write: values =>
      asked('Let Codex analyse the task before anything is written.', [
        'Analyse the following task in this project. Read the code that it touches first; change nothing.',
        section('Requirements', values['requirements']),
        section(
          'Project background',
          values['background'] ?? '(fill in what you know: framework, storage, what exists already)',
        ),
        numbered('Answer with', [
          'your understanding of the goal, and the parts that it falls into',
          'the technical approach that you suggest, with alternatives where the choice is not obvious',
          'risks and what to watch: security, data, compatibility',
          'the order in which to build it',
        ]),
      ]),
  },
  {
    name: 'discuss',
    title: 'discussion',
    description: 'Stage 2: questions about the approach, until it is settled',
    arguments: [{ name: 'questions', description: 'what is open about the approach', required: true }],
    write: values =>
      asked(
        'Settle what is open with Codex. Go through its last answer critically first, and add the doubts that you have yourself. Repeat this stage until no question is left that would change the design.',
        [
          'I have questions about the approach that you suggested.',
          section('Questions', values['questions']),
          'Answer each in turn, say why, and say what would change your mind.',
        ],
      ),
  },
  {
    name: 'prototype',
    title: 'prototype',
    description: 'Stage 3: a prototype as a unified diff; nothing is changed',
    arguments: [
      { name: 'modules', description: 'the files to write or change and what each is for', required: true },
      { name: 'constraints', description: 'what the code must follow, such as types or conventions' },
    ],
    write: values =>
      asked(
        'Get a prototype as a diff. `proposed_diff` of the answer says whether it applies; a file that was changed all the same makes the call an error.',
        [
          'Write a prototype of the approach that we agreed on.',
          section('Modules', values['modules']),
          section(
            'Constraints',
            values['constraints'] ?? 'complete type annotations; a comment where the reason is not obvious',
          ),
          'Answer with unified diffs only, one per file, each in its own fenced block with `--- a/...` and `+++ b/...` lines, such that `git apply` takes them.',
          'Do not change, create or delete any file.',
        ],
      ),
  },
  {
    name: 'implement',
    title: 'implementation',
    description: 'Stage 4: you write the production code, with the prototype as a draft',
    isCallOptional: true,
    arguments: [
      { name: 'modules', description: 'the files to write; default: those of the prototype' },
      { name: 'notes', description: 'what to do differently from the prototype' },
    ],
    write: values =>
      [
        'Write the code yourself, with your own tools. The prototype is a draft: take its ideas, not its text.',
        section('Modules', values['modules'] ?? 'those of the prototype'),
        section('To be done differently', values['notes'] ?? 'whatever you would not defend in a review'),
        numbered('Hold to this', [
          'follow the conventions of the project; production quality, not a sketch',
          'no secrets in the code, every input checked, every failure handled',
          'tests for what matters, and run them',
          'note what you changed and why: the review that comes next, at once, needs it',
        ]),
      ].join('\n\n'),
  },
  {
    name: 'review',
    title: 'review',
    description: 'Stage 5: Codex reviews what was written, right after it was written',
    arguments: [
      {
        name: 'changed_files',
        description: 'the files that were written or changed, and what each is for',
        required: true,
      },
      { name: 'change_notes', description: 'what was done and how' },
      requirements,
    ],
    write: values =>
      asked('Let Codex review the change now, before you go on. It reads the files itself; do not paste them.', [
        'Review the following change in this project. Read the files; change nothing.',
        section('Changed files', values['changed_files']),
        section('What was done', values['change_notes'] ?? '(fill in what you did, and how)'),
        section('Original requirements', values['requirements'] ?? '(fill in what was asked for)'),
        numbered('Judge', [
          'correctness: does it do what was asked',
          'quality: can it be read and maintained',
          'security: input, secrets, permissions',
          'edge cases: failures, limits, concurrency',
          'tests: what is covered, what is not',
        ]),
        numbered('Answer with', [
          'a verdict in one sentence',
          'what must be fixed: each with file, line, what goes wrong and when',
          'suggestions that may wait',
        ]),
      ]),
  },
  {
    name: 'adjust',
    title: 'adjustment',
    description: 'Stage 6: you fix what the review found',
    isCallOptional: true,
    arguments: [
      { name: 'findings', description: 'the findings to work on; default: all that must be fixed' },
      { name: 'notes', description: 'what to leave, or to do differently' },
    ],
    write: values =>
      [
        'Work through the review with your own tools.',
        section('Findings', values['findings'] ?? 'everything that the review says must be fixed'),
        section('Notes', values['notes'] ?? 'none'),
        numbered('Hold to this', [
          'check each finding against the code before you believe it; say which you reject and why',
          'fix what must be fixed, each with a test that failed before',
          'take a suggestion only where it is worth its change',
          'run the tests, then list the fixes: the final review needs the list',
        ]),
      ].join('\n\n'),
  },
  {
    name: 'final_review',
    title: 'final review',
    description: 'Stage 7: Codex looks at the fixes and says whether anything is left',
    arguments: [{ name: 'fixes', description: 'what was fixed since the review', required: true }],
    write: values =>
      asked(
        'Let Codex look once more. If something must still be fixed, go back to stage 6; otherwise sum up for the person.',
        [
          'I have worked on your review. Look at the files again; change nothing.',
          section('Fixed', values['fixes']),
          numbered('Answer with', [
            'for each point of your review that had to be fixed: fixed, not fixed, or fixed wrongly',
            'anything new that the fixes brought in',
            'a clear yes or no: is this ready',
          ]),
        ],
      ),
  },
]

function asked(aim: string, prompt: readonly string[]): string {
  return [aim, 'What to ask (put in what is missing, leave out what does not apply):', ruler, ...prompt, ruler].join(
    '\n\n',
  )
}

function section(title: string, text: string | undefined): string {
  return `## ${title}\n${text ?? ''}`
}

function numbered(title: string, items: readonly string[]): string {
  return [`${title}:`, ...items.map((item, at) => `${at + 1}. ${item}`)].join('\n')
}
