import { createHash } from 'node:crypto'

/** A statement as Postgres takes it, with a name under which the connection keeps it prepared. */
export interface PostgresStatement {
  readonly text: string
  readonly name?: string
}

const maxNamed = 100

/** Statements are compiled with `?`, and none has a literal one. The first hundred are prepared: there are not so many. */
export function createPostgresStatements(): (sql: string) => PostgresStatement {
  const known = new Map<string, PostgresStatement>()
  return sql => {
    const found = known.get(sql)
    if (found !== undefined) return found
    let count = 0
    const text = sql.replaceAll('?', () => `$${(count += 1)}`)
    if (known.size >= maxNamed) return { text }
    const statement = { text, name: `tandem_${createHash('sha256').update(text).digest('hex').slice(0, 16)}` }
    known.set(sql, statement)
    return statement
  }
}
