/** The port for the age of copies' own keys: which were first wrapped by another master key than that of now (KY-15). */

import type { DatabaseKey, DatabaseRow } from './catalogue.ts'

/** A copy in use, or one that was put aside. */
export interface KeyedCopy extends DatabaseKey {
  readonly copyId: string
  readonly kind: DatabaseRow['kind']
  readonly wrappedKey: string
  readonly sizeBytes: number
}

/** How many copies there are, and how many of them wait. */
export interface CopyKeyCounts {
  readonly copies: number
  readonly sizeBytes: number
  readonly leftCopies: number
  readonly leftBytes: number
}

export interface CopyKeys {
  /** Those wait whose key was not first wrapped by `keyId`. */
  count(keyId: string): Promise<CopyKeyCounts>
  /** The copy that waits with the least id beyond `after`. */
  next(keyId: string, after: string): Promise<KeyedCopy | undefined>
  /**
   * Names another file in place of `copyId`, wherever it is named; durable when it resolves. Where the copy stands
   * stays as it is.
   * @returns false if no row names it any more; nothing was changed then.
   */
  replace(copyId: string, by: { readonly copyId: string; readonly wrappedKey: string }): Promise<boolean>
}
