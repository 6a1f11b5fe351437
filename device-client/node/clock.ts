/** Time on Node. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../ports.ts'

/** Fills the port `Clock` on Node. */
export const nodeClock: Clock = {
  now: () => Date.now(),
  sleep: (ms) => delay(ms),
}
