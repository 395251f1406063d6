/** Commands that are used together. Names of commands that are not there do no harm. */
const clusters: readonly (readonly string[])[] = [
  ['ask', 'wait', 'result', 'steer', 'cancel', 'events'],
  ['turns', 'turn', 'result', 'events', 'threads'],
  ['threads', 'thread', 'archive', 'turns'],
  ['up', 'down', 'restart', 'status', 'logs'],
  ['status', 'health', 'check', 'doctor', 'logs'],
  ['health', 'check', 'doctor', 'restart'],
  ['demo', 'doctor', 'claude install'],
  ['settings', 'ask'],
  ['claude install', 'claude uninstall', 'mcp', 'doctor'],
  ['policy show', 'policy test', 'policy allow', 'ask'],
  ['store copy', 'status', 'down'],
  ['completion', 'help', 'version'],
]

/** What one may want to look at next, of the commands that there are; in the order of the clusters, each once. */
export function relatedTo(name: string, there: readonly string[]): readonly string[] {
  const near = clusters.filter(cluster => cluster.includes(name)).flat()
  return [...new Set(near)].filter(other => other !== name && there.includes(other))
}
