/**
 * Whether a JSON text has lists and objects inside each other beyond `limit`. V8 reads what is very deep and then cannot write it
 * ("Maximum call stack size exceeded"), wherever that happens to be tried; so it is refused where it comes in.
 */
export function isNestedDeeper(json: string, limit: number): boolean {
  // Each level has a bracket at both ends.
  if (json.length < 2 * limit) return false
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (code === quote) at = endOfString(json, at)
    else if (code === openList || code === openObject) depth += 1
    else if (code === closeList || code === closeObject) depth -= 1
    if (depth > limit) return true
  }
  return false
}

function endOfString(json: string, start: number): number {
  for (let at = start + 1; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (code === quote) return at
    if (code === backslash) at += 1
  }
  return json.length
}

/** More than any message of ours or of Codex has, and far less than the stack takes. */
export const maxNesting = 200

const quote = 0x22
const backslash = 0x5c
const openList = 0x5b
const closeList = 0x5d
const openObject = 0x7b
const closeObject = 0x7d
