import { defineConfig } from 'vitest/config'
import type { TestProjectInlineConfiguration } from 'vitest/config'

/** Suites whose behaviour must not depend on where the rows are; the others are about one arm, or about clients alone. */
const onPostgres = {
  unit: ['agents', 'idempotency'].map(name => `src/agents/${name}.test.ts`),
  real: ['turns-*', 'faults/kills', 'doors', 'verbs*'].map(name => `test/${name}.test.ts`),
}
const postgres = { TANDEM_TEST_STORE: 'postgres' }
const hasPostgres = process.env['TANDEM_TEST_POSTGRES_URL'] !== undefined

export default defineConfig({
  test: {
    // Two cores: the real programs need the second one.
    maxWorkers: 2,
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/architecture.test.ts', 'test/documents.test.ts'],
          globalSetup: ['test/support/say-arms.ts'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: ['test/architecture.test.ts', 'test/documents.test.ts'],
          globalSetup: ['test/support/say-arms.ts', 'test/support/build-once.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      ...(hasPostgres ? postgresProjects() : []),
    ],
  },
})

function postgresProjects(): readonly TestProjectInlineConfiguration[] {
  return [
    { extends: true, test: { name: 'unit-postgres', include: onPostgres.unit, env: postgres, testTimeout: 60_000 } },
    {
      extends: true,
      test: {
        name: 'real-postgres',
        include: onPostgres.real,
        env: postgres,
        globalSetup: ['test/support/build-once.ts'],
        testTimeout: 120_000,
        hookTimeout: 120_000,
      },
    },
  ]
}
