import { codexStages, promptOf, stageNames } from './scenario.ts'
import * as words from './words.ts'
import type { RecordedRequest } from '#scripted-model'
import type { Evidence } from './checks.ts'
import type { StoreEvidence } from './evidence.ts'
import type { CodexStage, StageName } from './scenario.ts'
import type { ToolUse } from './transcript.ts'

export const session = '019a0000-0000-7000-8000-000000000001'
const turnOf = (stage: CodexStage): string => `turn_${stage}`

/** What a run finds in which everything held; each test takes one thing away. */
export function goodEvidence(): Evidence {
  return {
    transcript: { uses: stageNames.flatMap(usesIn), result: { text: 'done', isError: false } },
    programs: { claudeVersion: '2.1.329', codexVersion: '0.169.0' },
    requests: [
      ...Array.from({ length: 13 }, (_, index) => request(index, 'messages', 'claude-cli/2.1.329 (external, sdk-cli)')),
      ...Array.from({ length: 13 }, (_, index) => request(index, 'responses', 'tandem/0.169.0 (Linux; x86_64)')),
    ],
    recovery: {
      turn_id: turnOf('documentation'),
      decision: 'continued',
      reason: 'it was cut',
      old_pid: 10,
      new_pid: 11,
      status: 'completed',
      back_after_ms: 900,
      ended_after_ms: 1500,
    },
    store: { threads: [thread], turns: codexStages.map(recordOf) },
    files: { wrong: [], complaint: '' },
    history: { messages: [...codexStages.map(stage => promptOf[stage]), 'The previous turn was cut off by a crash'] },
  }
}

export function answerText(stage: CodexStage, more: object = {}): string {
  return JSON.stringify({
    success: true,
    SESSION_ID: session,
    turn_id: turnOf(stage),
    status: 'completed',
    agent_messages: 'words',
    diff: null,
    proposed_diff: stage === 'prototype' ? proposedDiff : null,
    session_restarted: false,
    error: null,
    ...(stage === 'review' ? { output: words.review.answer } : {}),
    ...(stage === 'final_review' ? { output: words.finalReview.answer } : {}),
    ...more,
  })
}

const proposedDiff = { patch: 'x', applies: true, files: ['a', 'b', 'c'].map(path => ({ path, applies: true })) }

function usesIn(stage: StageName): readonly ToolUse[] {
  const asked = codexStages.find(name => name === stage)
  if (asked !== undefined) return [use(stage, 'mcp__tandem__codex', {}, answerText(asked))]
  return [
    use(stage, 'Write', { file_path: '/x/src/tokens.js' }, 'written'),
    use(stage, 'Bash', { command: 'node --test' }, 'ℹ pass 7\nℹ fail 0'),
  ]
}

function use(stage: StageName, tool: string, input: Readonly<Record<string, unknown>>, text: string): ToolUse {
  return { id: `toolu_${stage}-${tool}`, stage, tool, input, startedAt: 100, end: { at: 350, text, isError: false } }
}

function request(index: number, dialect: 'messages' | 'responses', agent: string): RecordedRequest {
  return {
    index,
    at: 1,
    dialect,
    path: '/v1',
    method: 'POST',
    headers: { 'user-agent': agent, 'thread-id': session },
    body: {},
    lastText: '',
    rule: 'a rule',
    outcome: 'played',
  }
}

const thread: StoreEvidence['threads'][number] = {
  session_id: session,
  agent_id: 'agent_1',
  cd: '/x',
  status: 'idle',
  turns: 6,
  created_at: 1,
  last_active_at: 1,
  title: 't',
}

function recordOf(stage: CodexStage): StoreEvidence['turns'][number] {
  const turn_id = turnOf(stage)
  return {
    turn: {
      turn_id,
      agent_id: 'agent_1',
      session_id: session,
      status: 'completed',
      cd: '/x',
      sandbox: 'read-only',
      prompt: '',
      accepted_at: 1,
      started_at: 1,
      ended_at: 1,
      attempts: stage === 'documentation' ? 2 : 1,
      total_tokens: 1,
      error_code: null,
    },
    prompt: promptOf[stage],
    answer: {
      success: true,
      session_id: session,
      turn_id,
      agent_id: 'agent_1',
      status: 'completed',
      agent_messages: '',
      usage: null,
      diff: null,
      proposed_diff: null,
      session_restarted: false,
      elapsed_ms: 1,
      last_event: null,
      error: null,
    },
  }
}
