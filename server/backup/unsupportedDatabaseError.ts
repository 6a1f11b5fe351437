/** An intact database that this server cannot evaluate: it is kept as a sealed file (BK-6). */

import { CodedError } from '../../schemas/errors.ts'

/** Carries the reason as its message. */
export class UnsupportedDatabaseError extends CodedError {
  constructor(reason: string) {
    super('delta.unsupported', reason)
  }
}
