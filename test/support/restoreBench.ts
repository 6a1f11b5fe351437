/**
 * Copies and restores in one folder, with the real jobs, catalogue, storage and key ring, and a device that restores
 * from them through the real client. No HTTP: the calls are made directly.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { openZstdFrame } from '../../device-client/node/zstdFrame.ts'
import { type RestoredDatabase, restoreDatabase } from '../../device-client/restore/restoreDatabase.ts'
import { createCopyGate } from '../../server/backup/copyGate.ts'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import type { CopyPosition } from '../../server/backup/copyLayout.ts'
import { importFile } from '../../server/backup/importFile.ts'
import type { DatabaseKey, DatabaseRow } from '../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../server/catalogue/sqlite/databases.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlRestores } from '../../server/catalogue/sqlite/restores.ts'
import { openFileKeyRing } from '../../server/keys/fileKeyRing.ts'
import { adoptPosition, buildImage, importImage } from '../../server/restore/buildImage.ts'
import { proveCopy } from '../../server/restore/proveCopy.ts'
import type { RestoreCaller } from '../../server/restore/restoreService.ts'
import { createRestores } from '../../server/restore/restores.ts'
import { openSegmentMapSigner } from '../../server/restore/signSegmentMap.ts'
import { openFileStorage } from '../../server/storage/fileStorage.ts'
import { openTimeMachine } from './openTimeMachine.ts'

export const ACCOUNT = 'account-1'
export const DATABASE = 'app'

/** A clock that tests move. */
export interface BenchClock {
  now: number
}

/** Opens an empty bench; `close` removes everything. */
export async function openRestoreBench() {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-restore-'))
  const dataDir = join(folder, 'data')
  for (const name of ['copies', 'images']) mkdirSync(join(dataDir, name), { recursive: true })
  const keyRing = openFileKeyRing(dataDir, randomBytes(32))
  const catalogue = await openCatalogue(dataDir, keyRing)
  const databases = sqlDatabases(catalogue)
  const restores = sqlRestores(catalogue)
  const storage = openFileStorage(join(dataDir, 'objects'))
  const clock: BenchClock = { now: 1_800_000_000_000 }
  const copyPath = (copyId: string): string => join(dataDir, 'copies', copyId)
  /** What happens between a decision to build an image and its work. */
  const hooks = { beforeBuild: async (): Promise<void> => undefined }
  /** Databases of which many copies were put aside. */
  const crowded: DatabaseKey[] = []
  const gate = createCopyGate()
  const timeMachine = openTimeMachine(
    { gate, databases, catalogue, keyRing, copyPath, now: () => clock.now },
    undefined,
    (key) => void crowded.push(key),
  )
  const service = createRestores({
    databases,
    restores,
    keyRing,
    storage,
    signer: await openSegmentMapSigner(storage, keyRing),
    jobs: {
      buildImage: async (input) => {
        await hooks.beforeBuild()
        return buildImage(input, storage)
      },
      importImage: (input) => importImage(input, storage),
      adoptPosition,
      proveCopy,
    },
    onDamage: () => undefined,
    timeMachine,
    gate,
    keepsPast: false,
    copyPath,
    imagePath: (imageId) => join(dataDir, 'images', imageId),
    now: () => clock.now,
    keepMs: 86_400_000,
  })
  const caller = (deviceId: string): RestoreCaller => ({ accountId: ACCOUNT, deviceId })

  /** A full backup of the file at `path`, as the device's database. */
  const backUp = async (path: string, deviceId: string): Promise<DatabaseRow> => {
    const copyId = randomUUID()
    const { key, wrapped } = keyRing.newKey(copyKeyContext(copyId))
    const position: CopyPosition = {
      lineage: randomBytes(16).toString('hex'),
      number: 1,
      token: randomBytes(16).toString('hex'),
    }
    const copyKey = Buffer.from(key).toString('hex')
    const made = await importFile({ copyPath: copyPath(copyId), copyKey, position }, createReadStream(path))
    const row: DatabaseRow = {
      accountId: ACCOUNT,
      deviceId,
      name: DATABASE,
      copyId,
      kind: made.kind,
      wrappedKey: wrapped,
      ...position,
      sizeBytes: made.sizeBytes,
      lastBackupAt: clock.now,
      lastMode: 'full',
      ...(made.reason !== undefined && { reason: made.reason }),
      createdAt: clock.now,
    }
    await databases.put(row)
    return row
  }

  /** Restores a device's database to `path` as another device, or the same. */
  const restoreTo = (
    path: string,
    deviceId: string,
    fromDeviceId: string,
    point = 'latest',
  ): Promise<RestoredDatabase> =>
    restoreDatabase({
      calls: {
        createRestore: (compressions) =>
          service.createRestore(caller(deviceId), { database: DATABASE, fromDeviceId, point, compressions }),
        readSegment: async (restoreId, segment) =>
          (await service.readSegment(caller(deviceId), restoreId, segment)).bytes,
        completeRestore: (restoreId) => service.completeRestore(caller(deviceId), restoreId),
      },
      target: fileRestoreTarget(path),
      wanted: `${fromDeviceId}/${DATABASE}/${point}`,
      adopt: () => () => {},
      gzip: nodeGzip,
      openFrame: openZstdFrame,
      clock: { now: Date.now, sleep: () => Promise.resolve() },
    })

  return {
    folder,
    dataDir,
    keyRing,
    databases,
    catalogue,
    restores,
    storage,
    clock,
    hooks,
    gate,
    timeMachine,
    crowded,
    copyPath,
    service,
    caller,
    backUp,
    restoreTo,
    close: async () => {
      await catalogue.destroy()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type RestoreBench = Awaited<ReturnType<typeof openRestoreBench>>
