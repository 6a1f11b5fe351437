/** Randomness in a page. */

import type { Random } from '../ports.ts'

/** Fills the port `Random` with Web Crypto. */
export const browserRandom: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) }
