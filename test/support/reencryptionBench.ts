/** The real re-encryption over a catalogue and its files, its jobs run in the process of the test. */

import type { CopyGate } from '../../server/backup/copyGate.ts'
import { reencryptCopyJob } from '../../server/backup/reencryptCopy.ts'
import { createReencryption, type ReencryptionParts } from '../../server/backup/reencryption.ts'
import { sqlCopyKeys } from '../../server/catalogue/sqlite/copyKeys.ts'
import type { CatalogueDb } from '../../server/catalogue/sqlite/openCatalogue.ts'
import type { FileKeyRing } from '../../server/keys/fileKeyRing.ts'

export interface ReencryptionPlace {
  readonly catalogue: CatalogueDb
  readonly keyRing: FileKeyRing
  readonly gate: CopyGate
  copyPath(copyId: string): string
}

/** `changes` are made to its parts; what failed is in `failures`. */
export function openReencryption(place: ReencryptionPlace, changes: Partial<ReencryptionParts> = {}) {
  const failures: unknown[] = []
  const pauses: number[] = []
  const clock = { now: 1_800_000_000_000 }
  const copyKeys = sqlCopyKeys(place.catalogue)
  const reencryption = createReencryption({
    ...{ copyKeys, keyRing: place.keyRing, gate: place.gate, copyPath: place.copyPath },
    bytesPerMinute: 1024 * 1024,
    reencryptCopy: reencryptCopyJob,
    release: async () => undefined,
    now: () => clock.now,
    pause: async (ms) => void pauses.push(ms),
    onLeft: () => undefined,
    onDone: () => undefined,
    onFailure: (_, cause) => void failures.push(cause),
    ...changes,
  })
  return { reencryption, copyKeys, failures, pauses, clock }
}
