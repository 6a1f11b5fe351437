/**
 * What the server holds for a device, as a restore would give it: mostly the image alone, every few times and at the
 * end the whole way of a restore. Octets that did not change are not looked at twice.
 */

import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { restoreDatabase } from '../../device-client/restore/restoreDatabase.ts'
import { pagePassphrase } from '../../server/backup/pageCipher.ts'
import { buildImageFile } from '../../server/restore/buildImageFile.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import { canonicalDump, dumpDatabase } from '../support/canonicalDump.ts'
import { FromFiles } from '../support/databaseFiles.ts'
import { ACCOUNT, DATABASE, type SimServer } from './simServer.ts'
import type { Tally } from './tally.ts'

/** One look in so many is a whole restore. */
const RESTORE_EACH = 6

export interface CopyLook {
  /** What is held now, canonically. */
  held(): Promise<string>
  /** The same, by a whole restore. */
  restored(): Promise<string>
}

export function createCopyLook(server: SimServer, deviceId: string, folder: string, tally: Tally): CopyLook {
  const texts = new FromFiles()
  const path = join(folder, 'look.db')
  const caller = { accountId: ACCOUNT, deviceId }
  let looks = 1

  const restored = async (): Promise<string> => {
    tally['copy restored'] += 1
    const { faults } = server
    server.faults = false
    try {
      await restoreDatabase({
        calls: {
          createRestore: () => server.restores.createRestore(caller, { database: DATABASE, fromDeviceId: deviceId }),
          readSegment: async (id, segment) => (await server.restores.readSegment(caller, id, segment)).bytes,
          completeRestore: (id) => server.restores.completeRestore(caller, id),
        },
        target: fileRestoreTarget(path),
        wanted: 'look',
        gzip: nodeGzip,
        clock: { now: Date.now, sleep: async () => undefined },
      })
      return canonicalDump(path)
    } finally {
      server.faults = faults
    }
  }

  const looked = (copyPath: string, copyKey: Uint8Array): string => {
    tally['copy looked at'] += 1
    const imagePath = join(folder, 'look.image')
    const passphrase = pagePassphrase(randomBytes(32))
    try {
      buildImageFile({ copyPath, copyKey, imagePath, passphrase }, () => undefined)
      const image = openDatabase(imagePath, { cipher: { kind: 'aes256cbc', passphrase } })
      try {
        return [...dumpDatabase(image)].join('\n')
      } finally {
        image.close()
      }
    } finally {
      rmSync(imagePath, { force: true })
    }
  }

  return {
    restored,
    async held() {
      const copy = await server.copyOf(deviceId)
      if (copy.kind === 'file') return restored()
      if (!texts.isStale(copy.path)) tally['copy unchanged'] += 1
      else if (looks++ % RESTORE_EACH === 0) {
        const text = await restored()
        return texts.read(copy.path, () => text)
      }
      return texts.read(copy.path, () => looked(copy.path, copy.key))
    },
  }
}
