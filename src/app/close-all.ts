import { within } from '#kernel'
import type { Clock, Log } from '#kernel'

/** Disposes, bounded. False when something did not end, or not in order: the log says what. */
export async function closeAll(
  parts: AsyncDisposable,
  deps: { readonly clock: Clock; readonly log: Pick<Log, 'error'>; readonly maxMs: number },
): Promise<boolean> {
  const { clock, log, maxMs } = deps
  try {
    const closed = await within(clock, maxMs, Promise.resolve(parts[Symbol.asyncDispose]()))
    if (closed.kind === 'timeout')
      log.error({ waitedMs: maxMs }, 'the stop takes too long: the rest ends with the process')
    return closed.kind === 'done'
  } catch (error) {
    log.error({ error }, 'the stop failed')
    return false
  }
}
