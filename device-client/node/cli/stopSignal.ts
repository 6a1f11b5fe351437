/** SIGINT, SIGTERM and SIGHUP as a promise. */

import { constants } from 'node:os'

/** Fulfilled at the first signal; a second one ends the process at once, with the shell's number for it. */
export function stopSignal(): Promise<void> {
  return new Promise((fulfil) => {
    let signals = 0
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        signals += 1
        if (signals > 1) process.exit(128 + constants.signals[signal])
        fulfil()
      })
    }
  })
}
