import { readFile } from 'node:fs/promises'
import { parse } from 'smol-toml'
import { configSchema, fileProblems } from '#contracts'
import { descriptorsExhausted, messageOf, systemCodeOf } from '#kernel'
import { configInvalid } from './errors.ts'
import { tomlProblem } from './toml-problem.ts'
import type { Config } from '#contracts'

/** `config.toml`, with the default of every member that it leaves out; no file is an empty one. CONFIG_INVALID names file and member. */
export async function readConfig(file: string): Promise<Config> {
  const parsed = configSchema.safeParse(await readToml(file))
  if (parsed.success) return parsed.data
  throw configInvalid(file, fileProblems(parsed.error, configSchema), parsed.error)
}

async function readToml(file: string): Promise<unknown> {
  const text = await readText(file)
  if (text === undefined) return {}
  try {
    return parse(text)
  } catch (error) {
    throw configInvalid(file, tomlProblem(error, text), error)
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    const exhausted = descriptorsExhausted(error, `reading ${file}`)
    throw exhausted ?? configInvalid(file, `cannot be read (${systemCodeOf(error) ?? messageOf(error)})`, error)
  }
}
