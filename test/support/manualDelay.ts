/** Waiting that is over when a test says so. */

import type { BusyOptions } from '../../server/omads/busySignal.ts'

export interface ManualDelay extends Pick<BusyOptions, 'delay'> {
  /** Ends all waits that go on now. */
  fire(): void
}

export function manualDelay(): ManualDelay {
  const waiting = new Set<() => void>()
  return {
    delay: () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      return { over: promise, cancel: () => void waiting.delete(resolve) }
    },
    fire() {
      const all = [...waiting]
      waiting.clear()
      for (const end of all) end()
    },
  }
}

/** A door that work waits at: `reached` resolves when somebody stands there, `open` lets all through from then on. */
export function gate(): { readonly reached: Promise<void>; open(): void; pass(): Promise<void> } {
  const arrived = Promise.withResolvers<void>()
  const opened = Promise.withResolvers<void>()
  return {
    reached: arrived.promise,
    open: () => opened.resolve(),
    pass: () => {
      arrived.resolve()
      return opened.promise
    },
  }
}
