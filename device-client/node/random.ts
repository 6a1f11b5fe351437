/** Randomness on Node. */

import { randomBytes } from 'node:crypto'
import type { Random } from '../ports.ts'

/** Fills the port `Random` with the system's generator. */
export const nodeRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) }
