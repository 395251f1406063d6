import type { Sandbox } from '#contracts'
import { AppError, shellQuote } from '#kernel'

/* What the policy does not allow. The hints are commands of a person: an agent must not widen its own policy. */

interface AskedPolicy {
  readonly file: string
  readonly detail: string | null
}

export const policyInvalid = (file: string, problem: string, cause?: unknown): AppError =>
  new AppError('POLICY_INVALID', 'invalid', `${file}: ${problem}`, {
    hint: 'correct it (docs/policy.md has examples); no new turn is taken until then, what runs goes on',
    data: { file },
    cause,
  })

/** Somebody else could write it, or has. */
export const policyUnsafe = (file: string, problem: string, cure: string): AppError =>
  new AppError('POLICY_INVALID', 'invalid', `${file}: ${problem}; no new turn is taken, what runs goes on`, {
    // Nothing behind it: it is pasted.
    hint: cure,
    data: { file },
  })

/** `deniedBy` is the entry that denies it; one above can have an exception below, one for this very directory cannot. */
export const policyDeniedDirectory = (
  policy: AskedPolicy,
  cd: string,
  deniedBy: { readonly written: string; readonly isAbove: boolean } | undefined,
): AppError =>
  new AppError(
    'POLICY_DENIED_DIRECTORY',
    'denied',
    deniedBy === undefined
      ? `turns of this caller may not work in ${cd}: it is outside of its own directory`
      : `no turn may work in ${cd}: the policy denies ${deniedBy.written}`,
    {
      hint:
        deniedBy === undefined || deniedBy.isAbove
          ? cureOf(policy, directoryOption(cd))
          : `a person can allow it: take ${deniedBy.written} out of directories.deny in ${policy.file}`,
      data: { cd, rule: deniedBy === undefined ? 'directories.allow' : 'directories.deny' },
    },
  )

/** Between its acceptance and its start. */
export const policyMovedDirectory = (cd: string, real: string): AppError =>
  new AppError(
    'POLICY_DENIED_DIRECTORY',
    'denied',
    `${cd} leads to ${real} now; the turn was accepted for the directory that was there`,
    {
      hint: `if it is meant to work there, ask again with that directory: -C ${shellQuote(real)}`,
      data: { cd, real, rule: 'the directory of the turn' },
    },
  )

interface DeniedRequest<T> {
  readonly cd: string
  readonly sandbox: Sandbox
  readonly limit: { readonly value: T; readonly rule: string; readonly directory?: string }
}

export const policyDeniedSandbox = (policy: AskedPolicy, { cd, sandbox, limit }: DeniedRequest<Sandbox>): AppError =>
  new AppError(
    'POLICY_DENIED_SANDBOX',
    'denied',
    `sandbox ${sandbox} is not allowed in ${cd}: the highest is ${limit.value} (${limit.rule})`,
    {
      hint: limit.rule.startsWith('directories.deny')
        ? `take it out of directories.deny in ${policy.file}, or ask for read-only`
        : cureOf(policy, `--sandbox ${sandbox}`, limit.directory ?? cd),
      data: { cd, sandbox, max_sandbox: limit.value, rule: limit.rule },
    },
  )

export const policyDeniedNetwork = (policy: AskedPolicy, { cd, sandbox, limit }: DeniedRequest<boolean>): AppError =>
  new AppError('POLICY_DENIED_NETWORK', 'denied', `no network in ${cd} with sandbox ${sandbox} (${limit.rule})`, {
    hint:
      sandbox === 'read-only'
        ? 'only workspace-write turns can have network: ask for that sandbox'
        : cureOf(policy, '--network on', limit.directory ?? cd),
    data: { cd, sandbox, rule: limit.rule },
  })

/** A command that a turn tried, or that was asked about. */
export const policyDeniedCommand = (
  policy: Pick<AskedPolicy, 'file'>,
  {
    command,
    words,
    isCertain,
  }: { readonly command: string; readonly words: readonly string[]; readonly isCertain: boolean },
): AppError =>
  new AppError(
    'POLICY_DENIED_COMMAND',
    'denied',
    isCertain
      ? `commands may not begin with ${JSON.stringify(words.join(' '))}: ${command.slice(0, 200)}`
      : `it cannot be made out whether this runs ${JSON.stringify(words.join(' '))}, which is not allowed: ${command.slice(0, 200)}`,
    {
      hint: `a person can allow it: take ${JSON.stringify(words.join(' '))} out of commands.deny in ${policy.file}`,
      data: { command: command.slice(0, 1000), words, rule: 'commands.deny' },
    },
  )

/** It began: what is typed into a running command is seen when it is there. */
export const policyDeniedTyped = (words: readonly string[]): AppError =>
  new AppError(
    'POLICY_DENIED_COMMAND',
    'denied',
    `Codex typed ${JSON.stringify(words.join(' '))} into a running command, which is not allowed; the turn was ended, with its commands`,
    {
      hint: 'it may have begun: look at what it did; a person can allow it in commands.deny of policy.toml',
      data: { words, rule: 'commands.deny' },
    },
  )

export const commandUnchecked = (reason: string): AppError =>
  new AppError(
    'POLICY_COMMAND_UNCHECKED',
    'unavailable',
    `a command could not be checked before it ran: ${reason.slice(0, 200)}; the turn was ended, with its commands`,
    { hint: 'look at what it did with `tandem events --turn ID`, then ask again in the same session' },
  )

const directoryOption = (directory: string): string =>
  `--directory ${directory.startsWith('~') ? directory : shellQuote(directory)}`

/** A file that does not count where the turn would work cannot be mended by a line in it. What holds everywhere is proposed for `directory` alone. */
function cureOf({ file, detail }: AskedPolicy, options: string, directory?: string): string {
  if (detail !== null) return `${file} does not count here: ${detail}; keep it elsewhere (TANDEM_CONFIG_DIR)`
  if (directory === undefined) return `a person can allow it: tandem policy allow ${options}`
  const command = `tandem policy allow ${options} ${directoryOption(directory)}`
  return `a person can allow it there (without --directory everywhere): ${command}`
}
