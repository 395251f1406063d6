import type { TurnRow } from '#store'

/** It has no outcome yet. */
export const isOpen = (turn: Pick<TurnRow, 'status'>): boolean => turn.status === 'queued' || turn.status === 'running'
