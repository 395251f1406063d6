import { expect, it } from 'vitest'
import { fakeCodex, hostIn, openPlace } from './harness.ts'
import { lastWords } from './last-words.ts'

/** What 0.169.0 writes at every start on a machine without bubblewrap, with a home in /tmp. */
const usual = [
  'WARNING: proceeding, even though we could not create PATH aliases: Refusing to create helper binaries under temporary dir "/tmp"',
  '2026-11-21T10:07:26.290549Z ERROR codex_app_server: Codex could not find bubblewrap on PATH. Codex will use the bundled bubblewrap in the meantime.',
]
const panic = ["thread 'main' panicked at src/main.rs:1:2:", 'index out of bounds']

it.each<[string, readonly string[], string]>([
  ['nothing', [], ''],
  ['a line of its own', [...usual, 'Error: CODEX_HOME points to "/x"'], 'Error: CODEX_HOME points to "/x"'],
  ['a panic', [...usual, ...panic, '2026-11-21T10:07:27Z  WARN codex_core: shutting down'], panic.join(' ')],
  ['its log alone', usual, usual[1] ?? ''],
  ['a log below errors', ['2026-11-21T10:07:27.1Z  INFO codex_core: all is well'], ''],
  ['many lines', ['one', 'two', '', 'three', 'four'], 'two three four'],
])('of %s the part that can be the reason', (_, lines, words) => {
  expect(lastWords(lines.join('\n'))).toBe(words)
})

it('of a process that was ready, not what it had written before', async () => {
  await using place = await openPlace()
  const binary = await fakeCodex(place, `process.stderr.write(${JSON.stringify(`${usual.join('\n')}\n`)})`)
  await using host = await hostIn(place, binary)
  const connection = await host.connection({ timeoutMs: 10_000 })
  process.kill(connection.pid, 'SIGKILL')
  await connection.closed
  await expect.poll(() => ('lastError' in host.state ? host.state.lastError : host.state.kind)).toBe('signal SIGKILL')
})
