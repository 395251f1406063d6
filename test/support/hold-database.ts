import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Another program in the middle of a write to an SQLite database, which is made when it is not there. */
export async function holdDatabase(file: string): Promise<AsyncDisposable & { readonly pid: number | undefined }> {
  const child = spawn(process.execPath, ['-e', script, file], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

/** It ends with its standard input, so also with whoever started it. */
const script = `
  const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
  database.exec('pragma journal_mode = wal; begin immediate')
  process.stdout.write('holds\\n')
  process.stdin.on('end', () => database.close()).resume()
`
