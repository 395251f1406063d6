import type { Caller } from '#contracts'

/** Who calls over HTTP: a stdio server finds it in its environment, here the client's configuration sends it as headers. */
export function mcpCallerOf(headers: Headers): Caller {
  const project = textOf(headers, 'tandem-project-dir', 4096)
  const session = textOf(headers, 'tandem-claude-session', 200)
  return {
    door: 'mcp',
    ...(project === undefined ? {} : { project_dir: project }),
    ...(session === undefined ? {} : { claude_session_id: session }),
  }
}

/** Percent-encoded, as headers are Latin-1. What is no such text was not meant to be one: a variable that was not filled in. */
function textOf(headers: Headers, name: string, maxLength: number): string | undefined {
  const value = headers.get(name)
  if (value === null || value === '' || value.startsWith('${')) return undefined
  try {
    const text = decodeURIComponent(value)
    return text.length > maxLength ? undefined : text
  } catch {
    // A lone percent sign.
    return undefined
  }
}
