import { AppError } from '#kernel'

export interface DamageNote {
  /** Of anything that reading or writing has failed with. */
  readonly note: (error: unknown) => void
  readonly found: () => AppError | undefined
}

/** Keeps that the file is damaged: it does not heal, and whoever meets other pages of it sees nothing. */
export function createDamageNote(): DamageNote {
  let damage: AppError | undefined
  return {
    note(error) {
      if (error instanceof AppError && error.code === 'STORE_CORRUPT') damage = error
    },
    found: () => damage,
  }
}
