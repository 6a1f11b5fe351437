/**
 * An account's Items with the real jobs, catalogue, key ring and spool on real encrypted files. No engine, no HTTP: tests
 * call the port. Jobs run in this process, or in the worker pool.
 */

import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCopyGate } from '../../server/backup/copyGate.ts'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { ACCOUNT_DEVICE } from '../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../server/catalogue/sqlite/databases.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import type { ItemConflictPolicy } from '../../server/datastore/syncDatastore.ts'
import { createItemCopy, ITEMS_DATABASE } from '../../server/items/itemCopy.ts'
import { runItemJob } from '../../server/items/itemJob.ts'
import { createItemRegistry } from '../../server/items/itemRegistry.ts'
import type { ItemJobInput, ItemJobOutput } from '../../server/items/jobInput.ts'
import { keepFilesOpen } from '../../server/items/openFiles.ts'
import { pimContent } from '../../server/items/pimContent.ts'
import { openFileKeyRing } from '../../server/keys/fileKeyRing.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import type { SqlValue } from '../../server/sql/sqlDatabase.ts'
import { openFileSpool } from '../../server/storage/fileSpool.ts'

export const ITEM_ACCOUNT = 'account-1'

export interface ItemBenchOptions {
  readonly policy?: ItemConflictPolicy
  /** In place of this process. */
  readonly runJob?: (input: ItemJobInput, owner: { accountId: string; deviceId: string }) => Promise<ItemJobOutput>
}

/** Opens an empty bench; `close` removes everything. */
export async function openItemBench(options: ItemBenchOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-items-'))
  const dataDir = join(folder, 'data')
  for (const name of ['copies', 'spool']) mkdirSync(join(dataDir, name), { recursive: true })
  const keyRing = openFileKeyRing(dataDir, randomBytes(32))
  const catalogue = await openCatalogue(dataDir, keyRing)
  const databases = sqlDatabases(catalogue)
  const spool = openFileSpool(join(dataDir, 'spool'), keyRing)
  const clock = { now: 1_800_000_000_000 }
  const copyPath = (copyId: string): string => join(dataDir, 'copies', `${copyId}.db`)
  const policy = { current: options.policy ?? ('client-wins' as ItemConflictPolicy) }
  const files = keepFilesOpen()
  const keepsPast = { current: true }
  const gate = createCopyGate()
  const copy = createItemCopy({
    databases,
    gate,
    keyRing,
    copyPath,
    now: () => clock.now++,
    get keepsPast() {
      return keepsPast.current
    },
    runJob: options.runJob ?? ((input) => runItemJob(input, pimContent, files)),
  })
  const registry = createItemRegistry({ copy, spool, policyOf: () => policy.current })
  const key = { accountId: ITEM_ACCOUNT, deviceId: ACCOUNT_DEVICE, name: ITEMS_DATABASE }

  /** Rows of a query on the account's copy. */
  const query = async (sql: string, accountId = ITEM_ACCOUNT): Promise<SqlValue[][]> => {
    const row = await databases.get({ ...key, accountId })
    if (row === undefined) return []
    const db = openDatabase(copyPath(row.copyId), {
      cipher: { kind: 'aegis', key: keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId)) },
    })
    try {
      return db.prepare(sql).all()
    } finally {
      db.close()
    }
  }

  return {
    keepsPast,
    copy,
    gate,
    folder,
    dataDir,
    keyRing,
    catalogue,
    databases,
    spool,
    clock,
    copyPath,
    policy,
    registry,
    key,
    query,
    close: async () => {
      files.close()
      await catalogue.destroy()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export type ItemBench = Awaited<ReturnType<typeof openItemBench>>
