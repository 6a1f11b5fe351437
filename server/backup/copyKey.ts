/** What keys are bound to when they are wrapped (a key moved to another object does not unwrap), and a copy's place. */

import { toHex } from '../../schemas/hex.ts'
import type { DatabaseRow } from '../catalogue/catalogue.ts'
import type { KeyRing } from '../keys/keyRing.ts'

/** The key of a copy. */
export function copyKeyContext(copyId: string): string {
  return `copy:${copyId}`
}

/** The key that the segments of a restore are sealed with. */
export function contentKeyContext(imageId: string): string {
  return `content:${imageId}`
}

/** The file of a copy, and what opens it. */
export interface CopyPlace {
  readonly copyPath: string
  /** 256 bits, hex. */
  readonly copyKey: string
}

/** What finds and opens the files of copies. */
export interface CopyPlaces {
  readonly keyRing: Pick<KeyRing, 'unwrap'>
  copyPath(copyId: string): string
}

/** Where a copy lies, in use or put aside. @throws {CodedError} `key.wrong`, `storage.corrupt`. */
export function placeOfCopy(
  places: CopyPlaces,
  { copyId, wrappedKey }: Pick<DatabaseRow, 'copyId' | 'wrappedKey'>,
): CopyPlace {
  const copyKey = toHex(places.keyRing.unwrap(wrappedKey, copyKeyContext(copyId)))
  return { copyPath: places.copyPath(copyId), copyKey }
}
