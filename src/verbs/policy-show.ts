import { resolveDirectory, ruleOf } from '#agents'
import type { VerbOutput } from '#contracts'
import type { Handler, VerbsDeps } from './handler.ts'

type Shown = VerbOutput<'policy_show'>
type View = Awaited<ReturnType<VerbsDeps['agents']['policy']['view']>>

export const policyShow: Handler<'policy_show'> = async (deps, input, { caller }) => {
  const named = input.cd ?? caller.project_dir
  const cd = named === undefined ? null : await resolveDirectory(named)
  const view = await deps.agents.policy.view({ cd: cd ?? undefined, caller })
  const { maxSandbox, network } = view.limits
  return {
    file: view.file,
    state: view.state,
    detail: view.detail,
    cd,
    is_directory_allowed: cd === null ? null : isAllowed(view),
    max_sandbox: maxSandbox.value,
    network: network.value,
    lines: linesOf(view, cd),
    policy: view.policy,
  }
}

const isAllowed = ({ directory }: View): boolean => directory.kind === 'own' || directory.kind === 'allowed'

/** The rules that hold in the directory first, then the lists. */
function linesOf(view: View, cd: string | null): Shown['lines'] {
  const { limits, policy } = view
  const { allow, deny } = policy.directories
  const denied = policy.commands.deny.map(entry => (typeof entry === 'string' ? entry : entry.join(' ')))
  const here = {
    setting: 'directory',
    value: isAllowed(view) ? 'allowed' : 'not allowed',
    from: ruleOf(view.directory),
    meaning: isAllowed(view) ? 'turns may work here' : 'no turn of this caller may work here',
  }
  return [
    ...(cd === null ? [] : [here]),
    {
      setting: 'max_sandbox',
      value: limits.maxSandbox.value,
      from: fromOf(view, limits.maxSandbox.rule),
      meaning: meanings[limits.maxSandbox.value],
    },
    {
      setting: 'network',
      value: limits.network.value ? 'on' : 'off',
      from: fromOf(view, limits.network.rule),
      meaning: limits.network.value
        ? 'commands of workspace-write turns reach the network'
        : 'commands of sandboxed turns reach no network',
    },
    listed('directories.allow', allow, view, 'turns may work there, too'),
    listed('directories.deny', deny, view, 'no turn works there'),
    {
      setting: 'commands.deny',
      value: denied.length === 0 ? '(none)' : denied.join(', '),
      // What a policy denies holds where the rest of it does not count, too.
      from: denied.length === 0 ? 'default' : 'commands.deny',
      meaning: denied.length === 0 ? 'whatever the sandbox allows' : 'Codex does not start them',
    },
  ]
}

function listed(setting: string, directories: readonly string[], view: View, meaning: string): Shown['lines'][number] {
  const isNone = directories.length === 0
  const value = isNone ? '(none)' : directories.join(', ')
  const none = setting === 'directories.allow' ? "only the caller's own directory" : 'no exception'
  return { setting, value, from: fromOf(view, setting), meaning: isNone ? none : meaning }
}

const fromOf = ({ state }: View, rule: string): string => (state === 'file' ? rule : 'default')

const meanings = {
  'read-only': 'Codex reads files and runs commands that change nothing',
  'workspace-write': 'Codex may also change files in the directory of the turn',
  'danger-full-access': 'Codex may do all that you can: no sandbox',
} as const
