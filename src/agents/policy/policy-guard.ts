import { defaultPolicy } from '#contracts'
import type { Caller, Policy, Sandbox } from '#contracts'
import { findDeniedCommand } from '#codex'
import type { DeniedCommand } from '#codex'
import type { AppError } from '#kernel'
import { policyDeniedCommand, policyDeniedDirectory, policyDeniedNetwork, policyDeniedSandbox } from './errors.ts'
import { judgeDirectory, limitsIn, narrowerBelow, rankOf } from './policy-decision.ts'
import type { DirectoryVerdict, Limits } from './policy-decision.ts'
import { callersDirectory, groundOf, treeAround } from './policy-places.ts'
import type { PolicyGround } from './policy-places.ts'

/** The user's policy as its file has it now. */
export interface PolicyState {
  readonly policy: Policy
  readonly file: string
  /** The file and each link that leads to it; empty where there is no file and the defaults hold. */
  readonly realFiles: readonly string[]
}

export interface PolicySource {
  /** POLICY_INVALID when the file cannot be relied on. */
  read(): Promise<PolicyState>
}

/** What a turn wants. `cd` is a real path. */
export interface PolicyRequest {
  readonly cd: string
  readonly sandbox: Sandbox
  readonly caller: Caller
  /** Refused without it; otherwise a turn gets what the policy gives. */
  readonly needsNetwork?: boolean
  /** A command line: refused when the policy denies it. */
  readonly command?: string | undefined
}

/** What a turn gets that is allowed. */
export interface PolicyGrant {
  readonly network: boolean
  readonly deniedCommands: readonly DeniedCommand[]
}

export interface PolicyView {
  readonly file: string
  readonly state: 'file' | 'none' | 'ignored'
  readonly detail: string | null
  readonly policy: Policy
  readonly limits: Limits
  readonly directory: DirectoryVerdict
}

export interface PolicyVerdict extends PolicyGrant {
  /** Undefined: allowed. */
  readonly error: AppError | undefined
  readonly rule: string
}

interface Place {
  readonly cd: string | undefined
  readonly caller: Caller
}

/** Holds what is asked of Codex against the user's policy; read anew for each decision. */
export interface PolicyGuard {
  /** What the turn gets; POLICY_DENIED_… or POLICY_INVALID. */
  admit(request: PolicyRequest): Promise<PolicyGrant>
  judge(request: PolicyRequest): Promise<PolicyVerdict>
  /** Without a directory what holds in general. */
  view(where: Place): Promise<PolicyView>
}

export function createPolicyGuard(deps: { readonly source: PolicySource; readonly homeDir: string }): PolicyGuard {
  async function survey({ cd, caller }: Place): Promise<PolicyView & { readonly ground: PolicyGround }> {
    const state = await deps.source.read()
    const tree = cd === undefined ? undefined : await treeWith(state.realFiles, cd)
    // Whoever works in a tree can write what lies in it: a policy from there would widen itself. What it denies it may.
    const policy = tree === undefined ? state.policy : { ...defaultPolicy, commands: state.policy.commands }
    const ground = await groundOf(policy, { homeDir: deps.homeDir, file: state.file })
    const detail = tree === undefined ? null : `it lies inside of ${tree}, where the turn would work`
    return {
      file: state.file,
      state: tree !== undefined ? 'ignored' : state.realFiles.length > 0 ? 'file' : 'none',
      detail,
      policy,
      limits: limitsIn(policy, ground, cd),
      directory:
        cd === undefined ? { kind: 'elsewhere' } : judgeDirectory(ground, cd, await callersDirectory(caller, cd)),
      ground,
    }
  }

  async function treeWith(files: readonly string[], cd: string): Promise<string | undefined> {
    for (const file of files) {
      const tree = await treeAround(cd, file, deps.homeDir)
      if (tree !== undefined) return tree
    }
    return undefined
  }

  async function judge(request: PolicyRequest): Promise<PolicyVerdict> {
    const { ground, ...view } = await survey(request)
    return { ...verdictOf(request, view, ground), deniedCommands: deniedCommandsOf(view.policy) }
  }

  return {
    judge,
    async admit(request) {
      const { error, network, deniedCommands } = await judge(request)
      if (error !== undefined) throw error
      return { network, deniedCommands }
    },
    async view(where) {
      const { ground: _ground, ...view } = await survey(where)
      return view
    },
  }
}

type Decision = Omit<PolicyVerdict, 'deniedCommands'>

function verdictOf(request: PolicyRequest, view: PolicyView, ground: PolicyGround): Decision {
  const { cd, sandbox } = request
  const { directory, limits } = view
  const network = sandbox === 'danger-full-access' || (sandbox === 'workspace-write' && limits.network.value)
  if (directory.kind === 'denied' || directory.kind === 'elsewhere') {
    const by = directory.kind === 'denied' ? { written: directory.by, isAbove: directory.isAbove } : undefined
    return { error: policyDeniedDirectory(view, cd, by), rule: ruleOf(directory), network: false }
  }
  const { maxSandbox } = limits
  if (rankOf(sandbox) > rankOf(maxSandbox.value))
    return {
      error: policyDeniedSandbox(view, { cd, sandbox, limit: maxSandbox }),
      rule: maxSandbox.rule,
      network: false,
    }
  const narrower = narrowerBelow(ground, cd, sandbox)
  if (narrower !== undefined)
    return { error: policyDeniedSandbox(view, { cd, sandbox, limit: narrower }), rule: narrower.rule, network: false }
  if (request.needsNetwork === true && !network)
    return {
      error: policyDeniedNetwork(view, { cd, sandbox, limit: limits.network }),
      rule: limits.network.rule,
      network,
    }
  return commandDecision(request, view) ?? { error: undefined, rule: rulesOf(request, view), network }
}

/** What allows it: where, and what goes beyond the least that there is. */
function rulesOf({ sandbox, needsNetwork }: PolicyRequest, { directory, limits }: PolicyView): string {
  const ofSandbox = sandbox === 'read-only' ? [] : [limits.maxSandbox.rule]
  const ofNetwork = needsNetwork === true && sandbox === 'workspace-write' ? [limits.network.rule] : []
  return [ruleOf(directory), ...ofSandbox, ...ofNetwork].join('; ')
}

function commandDecision({ command = '' }: PolicyRequest, view: PolicyView): Decision | undefined {
  const found = findDeniedCommand(command, deniedCommandsOf(view.policy))
  if (found === undefined) return undefined
  return {
    error: policyDeniedCommand(view, { command, words: found.words, isCertain: found.isCertain }),
    rule: `commands.deny: ${found.words.join(' ')}`,
    network: false,
  }
}

/** A text stands for its words. */
function deniedCommandsOf({ commands }: Policy): readonly DeniedCommand[] {
  return commands.deny.map(entry => (typeof entry === 'string' ? entry.trim().split(/\s+/) : entry))
}

/** The line of the policy that lets turns work in a directory, or does not. */
export function ruleOf(directory: DirectoryVerdict): string {
  switch (directory.kind) {
    case 'own':
      return "the caller's own directory"
    case 'allowed':
      return `directories.allow: ${directory.by}`
    case 'denied':
      return `directories.deny: ${directory.by}`
    case 'elsewhere':
      return "directories.allow has none around it, and it is not the caller's own"
  }
}
