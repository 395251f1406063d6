import { AppError, newTurnId } from '#kernel'
import type { Clock } from '#kernel'
import type { Caller, Config } from '#contracts'
import { insertAgent, insertTurn, queuedTurn, updateAgent } from '#store'
import type { AgentRow, Change, Store, TurnRow } from '#store'
import { idempotencyConflict, notARepository, profileFixed, sessionArchived } from './errors.ts'
import type { PolicyGuard } from './policy/policy-guard.ts'
import { requireHere, requireOpen } from './sessions.ts'
import type { Sessions } from './sessions.ts'
import type { SettingsBook } from './settings.ts'
import {
  checkImage,
  checkOutputSchema,
  hashInput,
  knownRequestOf,
  resolveDirectory,
  sandboxOf,
} from './turn-request.ts'
import type { AskInput, TurnRequest } from './turn-request.ts'

export interface IntakeDeps {
  readonly store: Store
  readonly clock: Clock
  readonly sessions: Sessions
  readonly settings: SettingsBook
  readonly config: Config
  readonly policy: Pick<PolicyGuard, 'admit'>
  readonly isRepository: (cd: string) => Promise<boolean>
  /** Rejects when Codex has no such profile. */
  readonly checkProfile: (name: string) => Promise<void>
  /** Told of a session that will be begun, so that what it takes is under way while it is stored. */
  readonly onNewSession: (cd: string) => void
  /** Throws when no new turn is taken now. A repeated one is answered all the same. */
  readonly checkRoom: () => void
}

export interface Accepted {
  readonly turn: TurnRow
  /** False when the idempotency key belongs to a turn that was accepted before. */
  readonly isNew: boolean
}

/** Turns a prompt into a stored turn, or refuses it. When it resolves the turn is durable. */
export async function acceptTurn(deps: IntakeDeps, input: AskInput, caller: Caller): Promise<Accepted> {
  const inputHash = hashInput(input)
  const known = await findByKey(deps.store, input.idempotency_key, inputHash)
  if (known !== undefined) return { turn: known, isNew: false }
  deps.checkRoom()
  const request = await checkRequest(deps, input, caller)
  if (input.session_id === undefined) deps.onNewSession(request.cd)
  const agent = await agentFor(deps, input, request, caller)
  const profile = agent.isNew ? request.profile : await profileOf(deps.store, agent.row, request.profile)
  const turn = rowOf(deps, { input, caller, inputHash, request: { ...request, profile }, agent: agent.row })
  try {
    await deps.store.commit({
      changes: [agent.isNew ? insertAgent(agent.row) : touchAgent(agent.row, turn.acceptedAt), insertTurn(turn)],
      events: [
        {
          kind: 'turn.accepted',
          agentId: turn.agentId,
          turnId: turn.id,
          threadId: turn.threadId,
          data: { prompt: turn.prompt.slice(0, 200), sandbox: request.sandbox, cd: request.cd },
        },
      ],
    })
    return { turn, isNew: true }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'STORE_DUPLICATE_KEY') throw error
    // Two calls with one key at the same moment: the other one was first.
    const first = await findByKey(deps.store, input.idempotency_key, inputHash)
    if (first === undefined) throw error
    return { turn: first, isNew: false }
  }
}

/** It may have been archived since it was read. */
function touchAgent(agent: AgentRow, now: number): Change {
  return updateAgent(agent.id, { lastActiveAt: now }, { ifOpen: () => sessionArchived(agent.threadId ?? agent.id) })
}

async function findByKey(store: Store, key: string | undefined, inputHash: string): Promise<TurnRow | undefined> {
  if (key === undefined) return undefined
  const turn = await store.turns.byIdempotencyKey(key)
  if (turn !== undefined && turn.inputHash !== inputHash) throw idempotencyConflict(key, turn.id)
  return turn
}

async function checkRequest(deps: IntakeDeps, input: AskInput, caller: Caller): Promise<TurnRequest> {
  const cd = await resolveDirectory(input.cd)
  const sandbox = sandboxOf(input)
  const { network, deniedCommands } = await deps.policy.admit({ cd, sandbox, caller })
  await checkAttachments(deps, input, cd)
  const { effective } = await deps.settings.view(cd)
  return {
    cd,
    sandbox,
    network,
    deniedCommands: deniedCommands.map(words => [...words]),
    model: input.model ?? null,
    effort: input.effort ?? effective.effort ?? deps.config.codex.effort ?? null,
    reasoning: effective.reasoning,
    profile: input.profile ?? null,
    images: input.image,
    outputSchema: input.output_schema ?? null,
    onCut: input.on_cut,
    returnAllMessages: input.return_all_messages ?? !effective.final_only,
  }
}

async function checkAttachments(deps: IntakeDeps, input: AskInput, cd: string): Promise<void> {
  if (!input.skip_git_repo_check && !(await deps.isRepository(cd))) throw notARepository(cd)
  for (const image of input.image) await checkImage(image)
  if (input.output_schema !== undefined) checkOutputSchema(input.output_schema)
  if (input.profile !== undefined) await deps.checkProfile(input.profile)
}

async function agentFor(
  deps: IntakeDeps,
  input: AskInput,
  request: TurnRequest,
  caller: Caller,
): Promise<{ readonly row: AgentRow; readonly isNew: boolean }> {
  if (input.session_id === undefined)
    return { row: deps.sessions.begin({ cd: request.cd, prompt: input.prompt, caller }), isNew: true }
  const found = await deps.sessions.find(input.session_id, { cd: request.cd, caller })
  const row = requireOpen(requireHere(found, deps.store.nodeId))
  // It knows what it was told and read where it began.
  if (row.cwd !== request.cd) await deps.policy.admit({ cd: row.cwd, sandbox: 'read-only', caller })
  return { row, isNew: false }
}

/** The session's own: Codex takes a profile when a thread is opened, not with a turn, and again after a restart. */
async function profileOf(store: Store, agent: AgentRow, asked: string | null): Promise<string | null> {
  const [latest] = await store.turns.list({ agentId: agent.id, limit: 1 })
  if (latest === undefined) return asked
  const { profile } = knownRequestOf(latest)
  if (asked !== null && asked !== profile) throw profileFixed(agent.threadId ?? agent.id, profile)
  return profile
}

function rowOf(
  deps: IntakeDeps,
  made: {
    readonly input: AskInput
    readonly caller: Caller
    readonly inputHash: string
    readonly request: TurnRequest
    readonly agent: AgentRow
  },
): TurnRow {
  const now = deps.clock.now()
  return queuedTurn({
    id: newTurnId(now),
    nodeId: deps.store.nodeId,
    agentId: made.agent.id,
    threadId: made.agent.threadId,
    prompt: made.input.prompt,
    request: made.request,
    caller: made.caller,
    idempotencyKey: made.input.idempotency_key ?? null,
    inputHash: made.inputHash,
    acceptedAt: now,
  })
}
