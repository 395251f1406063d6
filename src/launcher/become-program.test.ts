import { execFile } from 'node:child_process'
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Runs `becomeProgram` in a process of its own, since it does not come back. */
async function became(program: { readonly file: string; readonly args: readonly string[]; readonly cwd?: string }) {
  const script = `
    import { becomeProgram } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}
    becomeProgram({ env: { MINE: 'yes', PATH: process.env.PATH }, cwd: undefined, ...JSON.parse(process.argv[1]) })`
  const ended = Promise.withResolvers<{ code: number; signal: string | null; stdout: string; stderr: string }>()
  const args = ['--input-type=module', '--eval', script, JSON.stringify(program)]
  const child = execFile(process.execPath, args, (error, stdout, stderr) =>
    ended.resolve({ code: Number(error?.code ?? 0), signal: error?.signal ?? null, stdout, stderr }),
  )
  child.stdin?.end('from stdin')
  return { pid: child.pid, ...(await ended.promise) }
}

test('is the program: same process, its own arguments, environment and directory, stdin left alone', async () => {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'tandem-become-')))
  const shell = 'printf "%s|" "$$" "$PWD" "$MINE" "$@"; cat; exit 7'
  const it = await became({ file: '/bin/sh', args: ['-c', shell, 'sh', '$(id)', "it's", ''], cwd: dir })
  await rm(dir, { recursive: true })
  expect(it.stdout).toBe(`${it.pid}|${dir}|yes|$(id)|it's||from stdin`)
  expect(it).toMatchObject({ code: 7, stderr: '' })
})

test('the program has the default signals, and a signal that ends it is seen as such', async () => {
  const ignored = await became({ file: '/bin/sh', args: ['-c', 'grep SigIgn /proc/self/status'] })
  expect(ignored.stdout.trim()).toMatch(/^SigIgn:\s+0+$/)
  const killed = await became({ file: '/bin/sh', args: ['-c', 'kill -TERM $$'] })
  expect(killed.signal).toBe('SIGTERM')
})

test('a program that cannot be run ends with what a shell says of it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'tandem-become-'))
  await writeFile(join(dir, 'plain'), 'no program')
  expect(await became({ file: join(dir, 'plain'), args: [] })).toMatchObject({ code: 126 })
  expect(await became({ file: join(dir, 'nothing'), args: [] })).toMatchObject({ code: 127 })
  await rm(dir, { recursive: true })
})
