/** Calls every listener with each value; a listener that throws does not stop the others (its error goes to `onError`). */
export interface Emitter<T> {
  emit(value: T): void
  listen(listener: (value: T) => void): Disposable
}

export function createEmitter<T>(onError: (error: unknown) => void): Emitter<T> {
  const listeners = new Set<(value: T) => void>()
  return {
    emit(value) {
      // A copy: a listener may stop listening while it is called.
      for (const listener of Array.from(listeners)) {
        try {
          listener(value)
        } catch (error) {
          onError(error)
        }
      }
    },
    listen(listener) {
      // A wrapper, so that the same function listening twice is two listeners.
      const own = (value: T): void => listener(value)
      listeners.add(own)
      return { [Symbol.dispose]: () => void listeners.delete(own) }
    },
  }
}
