/** Time in a page. */

import type { Clock } from '../ports.ts'

/** Fills the port `Clock` in a browser. */
export const browserClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((fulfil) => void setTimeout(fulfil, ms)),
}
