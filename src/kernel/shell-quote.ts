/** A path as one word of a POSIX shell, so that a cure can be pasted. */
export function shellQuote(text: string): string {
  if (/^[\w./~+:@%-]+$/.test(text)) return text
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
