/** Handlers of the calls about the master key (KY-7). */

import type { KeyStatus, keyCalls } from '../../schemas/http/keys.ts'
import type { Handlers } from './handlers.ts'

export interface KeyHandlerParts {
  status(): Promise<KeyStatus>
  rotate(): Promise<KeyStatus>
  reencrypt(): Promise<KeyStatus>
}

/** Handlers of the calls in `keyCalls`. */
export function keyHandlers(parts: KeyHandlerParts): Pick<Required<Handlers>, keyof typeof keyCalls> {
  return {
    readKeys: () => parts.status(),
    rotateKeys: () => parts.rotate(),
    reencryptKeys: () => parts.reencrypt(),
  }
}
