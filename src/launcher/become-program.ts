export interface Program {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string | undefined
}

/**
 * Replaces this process by the program, which so has our terminal, process group, parent and exit code: there is nothing to
 * pass on, and Ctrl-Z works, which a parent in between cannot get right. Returns only by throwing.
 */
export function becomeProgram(program: Program): never {
  if (program.cwd !== undefined) process.chdir(program.cwd)
  // Node ignores these two, and what is ignored stays so across exec: with a listener they are back to their defaults there.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) process.on(signal, () => undefined)
  // Through sh, since Node aborts with a stack trace when execve fails; sh says what is wrong and exits with 126 or 127.
  const args = ['sh', '-c', 'exec "$0" "$@"', program.file, ...program.args]
  if (process.execve === undefined) throw new Error('this Node has no process.execve')
  return process.execve('/bin/sh', args, { ...program.env })
}
