import { readCodexAnswer, readReview } from './codex-answer.ts'
import { codexStages, promptOf, stageNames } from './scenario.ts'
import type { RecordedRequest } from '#scripted-model'
import type { CodexAnswer } from './codex-answer.ts'
import type { Recovery } from './crash.ts'
import type { FilesEvidence, HistoryEvidence, StoreEvidence } from './evidence.ts'
import type { Programs } from './programs.ts'
import type { CodexStage, StageName } from './scenario.ts'
import type { ToolUse, Transcript } from './transcript.ts'

export interface StageReport {
  readonly name: StageName
  readonly ok: boolean
  readonly ms: number
  /** What was not as it must be. */
  readonly failures: readonly string[]
  readonly [detail: string]: unknown
}

/** Everything that is known when the story is over; what could not be found out is undefined. */
export interface Evidence {
  readonly transcript: Transcript
  readonly programs: Pick<Programs, 'claudeVersion' | 'codexVersion'>
  readonly requests: readonly RecordedRequest[]
  readonly recovery: Recovery | undefined
  readonly store: StoreEvidence | undefined
  readonly files: FilesEvidence | undefined
  readonly history: HistoryEvidence | undefined
}

/** The one session of the story: what the first stage was answered. */
export function sessionOf(transcript: Transcript): string | null {
  const first = transcript.uses.find(use => use.stage === 'analysis')
  return readCodexAnswer(first?.end?.text ?? '')?.SESSION_ID ?? null
}

export function stageReports(evidence: Evidence): readonly StageReport[] {
  return stageNames.map(name => {
    const uses = evidence.transcript.uses.filter(use => use.stage === name)
    const asked = codexStages.find(stage => stage === name)
    const [failures, details] = asked === undefined ? judgeWork(uses) : judgeCodex(asked, uses, evidence)
    return { name, ok: failures.length === 0, ms: durationOf(uses), failures, ...details }
  })
}

/** What concerns the story as a whole. */
export function wholeFailures(evidence: Evidence): readonly string[] {
  return [
    ...(evidence.transcript.result?.isError === false ? [] : ['Claude Code did not come to its end']),
    ...requestFailures(evidence),
    ...storeFailures(evidence),
    ...fileFailures(evidence.files),
    ...recoveryFailures(evidence),
  ]
}

type Judgement = readonly [failures: readonly string[], details: Readonly<Record<string, unknown>>]

function judgeWork(uses: readonly ToolUse[]): Judgement {
  const changed = uses.filter(use => use.tool === 'Write' || use.tool === 'Edit')
  const tests = uses.find(use => use.tool === 'Bash')?.end?.text ?? ''
  const passed = Number(/\bpass (\d+)/.exec(tests)?.[1] ?? 0)
  return [
    [
      ...(changed.length > 0 ? [] : ['Claude changed no file']),
      ...failedUses(uses),
      ...(passed > 0 && /\bfail 0\b/.test(tests) ? [] : ['the tests that Claude ran did not pass']),
    ],
    { files: filesOf(changed), tests_passed: passed },
  ]
}

/** Relative to the project: the two last parts are enough to know them. */
const filesOf = (uses: readonly ToolUse[]): readonly string[] => [
  ...new Set(uses.map(use => String(use.input['file_path']).split('/').slice(-2).join('/'))),
]

const failedUses = (uses: readonly ToolUse[]): readonly string[] =>
  uses.flatMap(use =>
    use.end?.isError === false ? [] : [`${use.tool} failed: ${(use.end?.text ?? '').slice(0, 300)}`],
  )

function judgeCodex(stage: CodexStage, uses: readonly ToolUse[], evidence: Evidence): Judgement {
  const [call, ...further] = uses.filter(use => use.tool === codexTool)
  const answer = readCodexAnswer(call?.end?.text ?? '')
  if (answer === undefined)
    return [[`Codex gave no answer: ${(call?.end?.text ?? 'it was not asked').slice(0, 300)}`], {}]
  const special = specialChecks[stage]?.(answer) ?? [[], {}]
  return [
    [
      ...failedUses(uses),
      ...(further.length === 0 ? [] : ['Codex was asked more than once']),
      ...answerFailures(answer, sessionOf(evidence.transcript)),
      ...recordFailures(stage, answer, evidence),
      ...special[0],
    ],
    { session_id: answer.SESSION_ID, turn_id: answer.turn_id, ...special[1] },
  ]
}

function answerFailures(answer: CodexAnswer, session: string | null): readonly string[] {
  return missed([
    [answer.success && answer.status === 'completed', `the turn is ${answer.status}: ${answer.error?.message ?? ''}`],
    [answer.SESSION_ID !== null && answer.SESSION_ID === session, `the session is another one: ${answer.SESSION_ID}`],
    [!answer.session_restarted, 'the session was started anew'],
    [(answer.diff ?? '') === '', 'a read-only turn changed files'],
  ])
}

function recordFailures(stage: CodexStage, answer: CodexAnswer, { store }: Evidence): readonly string[] {
  const record = store?.turns.find(({ turn }) => turn.turn_id === answer.turn_id)
  if (record === undefined) return ['the store does not have the turn']
  const { turn, prompt } = record
  return missed([
    [turn.session_id === answer.SESSION_ID, `the store has the turn in session ${turn.session_id ?? 'none'}`],
    [turn.status === 'completed', `the store has the turn as ${turn.status}`],
    [prompt === promptOf[stage], 'the store has another prompt'],
    [stage === 'documentation' || turn.attempts === 1, `it took ${turn.attempts} turns of Codex`],
  ])
}

export const codexTool = 'mcp__tandem__codex'

const specialChecks: Readonly<Partial<Record<CodexStage, (answer: CodexAnswer) => Judgement>>> = {
  prototype(answer) {
    const files = answer.proposed_diff?.files ?? []
    const refused = files.filter(file => !file.applies).map(file => `${file.path} does not apply: ${file.reason ?? ''}`)
    const isWhole = answer.proposed_diff?.applies === true && files.length === 3
    return [
      isWhole ? [] : ['the prototype is not a diff of three files that applies', ...refused],
      { diff_files: files.length, diff_applies: isWhole },
    ]
  },
  review: answer => judgeReview(answer, 'fix first', 3),
  final_review: answer => judgeReview(answer, 'ready', 0),
}

function judgeReview(answer: CodexAnswer, verdict: string, findings: number): Judgement {
  const review = readReview(answer)
  const isRight = review?.verdict === verdict && review.findings.length === findings
  return [
    isRight ? [] : ['the review is not what Codex was to say'],
    { verdict: review?.verdict, findings: review?.findings.length },
  ]
}

/** The two real programs asked the scripted model, nobody else, and every request belongs to the story. */
function requestFailures({ transcript, programs, requests }: Evidence): readonly string[] {
  const session = sessionOf(transcript)
  const [codex, claude] = [requestsOf(requests, 'responses'), requestsOf(requests, 'messages')]
  const agentOf = (request: RecordedRequest): string => request.headers['user-agent'] ?? ''
  return missed([
    [codex.length > codexStages.length, `Codex sent ${codex.length} requests`],
    [claude.length > codexStages.length, `Claude Code sent ${claude.length} requests`],
    [codex.every(request => agentOf(request).includes(`/${programs.codexVersion} `)), 'a request is not of this Codex'],
    [codex.every(request => request.headers['thread-id'] === session), 'a request of Codex is of another session'],
    [
      claude.every(request => agentOf(request).startsWith(`claude-cli/${programs.claudeVersion} `)),
      'a request is not of this Claude Code',
    ],
    [requests.every(request => request.outcome !== 'unmatched'), 'a request was none of the story'],
  ])
}

/** Those that the model answered. */
export function requestsOf(
  requests: readonly RecordedRequest[],
  dialect: 'responses' | 'messages',
): readonly RecordedRequest[] {
  return requests.filter(request => request.dialect === dialect && request.body !== undefined)
}

function storeFailures({ store, transcript }: Evidence): readonly string[] {
  if (store === undefined) return ['the daemon could not be asked what is in its store']
  const [thread] = store.threads
  return missed([
    [store.threads.length === 1, `the store has ${store.threads.length} sessions`],
    [thread?.session_id === sessionOf(transcript), `the store has session ${thread?.session_id ?? 'none'}`],
    [store.turns.length === codexStages.length, `the store has ${store.turns.length} turns`],
  ])
}

function fileFailures(files: FilesEvidence | undefined): readonly string[] {
  if (files === undefined) return ['the files could not be looked at']
  return [
    ...files.wrong.map(path => `${path} is not what Claude was to write`),
    ...(files.complaint === '' ? [] : [`node does not accept the files: ${files.complaint}`]),
  ]
}

function recoveryFailures({ recovery, history, store }: Evidence): readonly string[] {
  if (recovery === undefined) return ['nothing is known of the turn in which the daemon was killed']
  const record = store?.turns.find(({ turn }) => turn.turn_id === recovery.turn_id)
  const times = history?.messages.filter(text => text === promptOf.documentation).length
  return missed([
    [recovery.new_pid !== recovery.old_pid, 'the daemon is still the old one'],
    [['adopted', 'continued', 'rerun'].includes(recovery.decision), `the turn was ${recovery.decision}`],
    [recovery.status === 'completed', `the turn ended as ${recovery.status}`],
    [record?.prompt === promptOf.documentation, 'the turn is another one than that which Claude asked for'],
    [times === 1, `Codex has the prompt ${times ?? 'an unknown number of'} times in its history`],
  ])
}

const missed = (expectations: readonly (readonly [boolean, string])[]): readonly string[] =>
  expectations.flatMap(([isMet, otherwise]) => (isMet ? [] : [otherwise]))

function durationOf(uses: readonly ToolUse[]): number {
  const ends = uses.flatMap(use => use.end?.at ?? [])
  const starts = uses.map(use => use.startedAt)
  return ends.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts)
}
