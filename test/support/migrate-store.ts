import { silentLog, systemClock } from '#kernel'
import { openStoreWith } from '../../src/store/open-store.ts'
import { migrations } from '../../src/store/migrations.ts'
import type { Migration } from '../../src/store/migrations.ts'

/* What a later Tandem would do: `migrate-store.ts FILE` brings the database one version further, with some hundred milliseconds of work. */
const [file = ''] = process.argv.slice(2)
const next: Migration = {
  version: (migrations.at(-1)?.version ?? 0) + 1,
  name: 'later',
  async up(db) {
    for (let step = 0; step < 40; step += 1)
      await db.schema.alterTable('turns').addColumn(`later_${step}`, 'text').execute()
    await db.schema.createTable('later').addColumn('filler', 'text').execute()
    for (let step = 0; step < 200; step += 1)
      await db
        .withTables<{ later: { filler: string } }>()
        .insertInto('later')
        .values({ filler: 'x'.repeat(20_000) })
        .execute()
  },
}
process.stdout.write('begins\n')
const store = await openStoreWith({ file, clock: systemClock, log: silentLog }, { migrations: [...migrations, next] })
process.stdout.write('done\n')
await store[Symbol.asyncDispose]()
