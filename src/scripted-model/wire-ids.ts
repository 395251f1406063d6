import { randomUUID } from 'node:crypto'

/** An id as the providers write them: a prefix and hexadecimal digits. */
export function newWireId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`
}
