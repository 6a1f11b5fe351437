/** How long a client waits before it is told that its message is worked on, by a timer of this process. */

import type { BusyOptions } from './busySignal.ts'

export const timerDelay: BusyOptions['delay'] = (ms) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  // A timer holds 24 days at most, and a longer one would end at once.
  const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1))
  return { over: promise, cancel: () => clearTimeout(timer) }
}
