/** Says once, before the tests, which arms of the store they run on: one that is left out must be seen. */
export function setup(): void {
  if (process.env['TANDEM_TEST_ARMS_SAID'] !== undefined) return
  process.env['TANDEM_TEST_ARMS_SAID'] = 'yes'
  const isThere = process.env['TANDEM_TEST_POSTGRES_URL'] !== undefined
  const postgres = isThere ? 'runs' : 'NOT RUN, because TANDEM_TEST_POSTGRES_URL is not set'
  process.stdout.write(`store arms: SQLite runs; Postgres ${postgres}\n`)
}
