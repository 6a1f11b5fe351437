/** What an order of an image gives, without a copy. */

import { randomUUID } from 'node:crypto'
import { contentKeyContext } from '../../../server/backup/copyKey.ts'
import type { KeyRing } from '../../../server/keys/keyRing.ts'
import type { OrderedImage } from '../../../server/restore/orderImage.ts'

/** An image of one segment that is stored nowhere. */
export function memoryImage(database: string, keyRing: KeyRing): OrderedImage {
  const imageId = randomUUID()
  const { key: contentKey, wrapped: wrappedContentKey } = keyRing.newKey(contentKeyContext(imageId))
  const segments = [{ number: 0, sizeBytes: 100, sha256: 'a'.repeat(64) }]
  const file = { sizeBytes: 4096, sha256: 'b'.repeat(64), segments, rangeBytes: 65_536 }
  const image = { version: 2 as const, compression: 'zstd' as const, ...file }
  const map = { imageId, database, createdAt: 1, ...image }
  const source = {
    lineage: 'a'.repeat(32),
    number: 3,
    token: 'b'.repeat(32),
    copyId: 'c',
    wrappedKey: 'w',
    kind: 'sql' as const,
  }
  return { imageId, contentKey, wrappedContentKey, image, map, source }
}
