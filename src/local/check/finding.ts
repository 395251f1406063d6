import { isOfConfiguration } from '#contracts'
import { errorShapeOf } from '#kernel'
import type { Finding } from '#contracts'
import type { AppError } from '#kernel'

/** What a look at one thing says; a problem is thrown. */
export type Look =
  | { readonly kind: 'ok'; readonly message: string; readonly data?: Readonly<Record<string, unknown>> }
  /** It works, but a person should know. */
  | { readonly kind: 'warning'; readonly error: AppError }
  | { readonly kind: 'skipped'; readonly message: string }

export const ok = (message: string, data: Readonly<Record<string, unknown>> = {}): Look => ({
  kind: 'ok',
  message,
  data,
})
export const warning = (error: AppError): Look => ({ kind: 'warning', error })
export const skipped = (message: string): Look => ({ kind: 'skipped', message })

/** Looks once; never rejects. */
export async function examine(name: string, look: () => Promise<Look> | Look): Promise<Finding> {
  try {
    const seen = await look()
    if (seen.kind === 'warning') return findingOf(name, 'warning', seen.error)
    const data = seen.kind === 'ok' ? { ...seen.data } : {}
    return { name, state: seen.kind, is_configuration: false, code: null, message: seen.message, cure: null, data }
  } catch (error) {
    return findingOf(name, 'problem', error)
  }
}

function findingOf(name: string, state: 'warning' | 'problem', error: unknown): Finding {
  const { code, message, hint, data } = errorShapeOf(error)
  return {
    name,
    state,
    is_configuration: isOfConfiguration(code),
    code,
    message,
    cure: hint ?? null,
    data: { ...data },
  }
}
