import { createPostgresSchema } from './postgres-schema.ts'
import type { PostgresSchema } from './postgres-schema.ts'

/*
 * Suites that run on every kind of store: the projects of vitest.config.ts whose names end with `-postgres` set
 * TANDEM_TEST_STORE, and the harnesses ask here where the rows go.
 */

/** A place for the rows of one test. */
export interface StoreArm extends AsyncDisposable {
  /** Undefined: a file in the state directory. */
  readonly url: string | undefined
}

export async function openStoreArm(): Promise<StoreArm> {
  if (process.env['TANDEM_TEST_STORE'] !== 'postgres') return { url: undefined, [Symbol.asyncDispose]: async () => {} }
  const schema: PostgresSchema = await createPostgresSchema()
  return { url: schema.url, [Symbol.asyncDispose]: () => schema[Symbol.asyncDispose]() }
}
