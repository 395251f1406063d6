import type { CodexConnection, CodexModel } from '#codex'
import type { Log } from '#kernel'
import type { TurnRow } from '#store'
import { messageOf } from '#kernel'
import { effortUnsupported, modelUnknown } from './errors.ts'
import type { TurnRequest } from './turn-request.ts'

export interface ModelChoice {
  readonly model: string | undefined
  readonly effort: string | undefined
}

export interface ModelChooser {
  /** Model and effort of a turn, checked where that is possible. MODEL_UNKNOWN, EFFORT_UNSUPPORTED. */
  choose(connection: CodexConnection, turn: TurnRow, request: TurnRequest): Promise<ModelChoice>
}

/**
 * Codex accepts any model and effort in silence, and keeps them for the turns after (0.169.0). So both are sent with
 * every turn: what was asked for, else what the configuration says, else the catalogue's own default for the effort.
 * Codex's catalogue holds for its built-in provider only: with another one any name may be right, and is left to it.
 */
export function createModelChooser(deps: {
  readonly log: Log
  /** The turn before it in the session asked for an effort, which Codex would keep. */
  readonly hadOwnEffort: (turn: TurnRow) => Promise<boolean>
  /** From the session's profile, then our configuration, then the user's own of Codex. */
  readonly configured: (request: TurnRequest) => Promise<{
    readonly model: string | undefined
    readonly effort: string | undefined
    readonly isBuiltInProvider: boolean
  }>
}): ModelChooser {
  let catalogue: { readonly generation: number; readonly models: Promise<readonly CodexModel[]> } | undefined

  function modelsOf(connection: CodexConnection): Promise<readonly CodexModel[]> {
    if (catalogue?.generation !== connection.generation) {
      const models = connection.listModels().catch((error: unknown) => {
        deps.log.warn({ error: messageOf(error) }, 'models of codex not known')
        // The next turn asks again.
        catalogue = undefined
        return []
      })
      catalogue = { generation: connection.generation, models }
    }
    return catalogue.models
  }

  /** For a model of which no default is known: there is no way to tell Codex to forget an effort. */
  async function neutralEffort(turn: TurnRow): Promise<string | undefined> {
    return (await deps.hadOwnEffort(turn)) ? 'medium' : undefined
  }

  return {
    async choose(connection, turn, request) {
      const configured = await deps.configured(request)
      const models = await modelsOf(connection)
      const model = request.model ?? configured.model ?? models.find(each => each.isDefault)?.id
      const known = models.find(each => each.id === model)
      if (known === undefined && configured.isBuiltInProvider) refuseUnknown(request.model, models)
      if (known !== undefined) refuseEffort(request.effort, known)
      const effort = request.effort ?? configured.effort ?? known?.defaultEffort ?? (await neutralEffort(turn))
      return { model, effort }
    },
  }
}

function refuseUnknown(asked: string | null, models: readonly CodexModel[]): void {
  if (asked === null || models.length === 0) return
  throw modelUnknown(
    asked,
    models.filter(model => !model.isHidden).map(model => model.id),
  )
}

function refuseEffort(asked: string | null, model: CodexModel): void {
  if (asked === null || model.efforts.length === 0 || model.efforts.includes(asked)) return
  throw effortUnsupported(model.id, asked, model.efforts)
}
