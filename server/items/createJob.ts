/** Makes the account's empty copy of Items: built beside its name, flushed, then named (IT-1, BK-14, BK-18). */

import { open, rename, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { openDatabase } from '../sql/betterSqlite.ts'
import { removeSqliteFile } from '../sql/removeSqliteFile.ts'
import { flushFolder } from '../storage/writeFileDurably.ts'
import { createItemTables } from './itemTables.ts'
import type { ItemCallContext, ItemCalls } from './jobInput.ts'

export async function createJob(
  context: ItemCallContext,
  { lineage, token }: ItemCalls['create']['input'],
): Promise<ItemCalls['create']['output']> {
  const { copyPath } = context
  const buildingPath = `${copyPath}.building`
  await removeSqliteFile(buildingPath)
  try {
    // SQLite would make it readable for others.
    await writeFile(buildingPath, '', { mode: 0o600, flag: 'wx' })
    build(buildingPath, Buffer.from(context.copyKey, 'hex'), { lineage, number: 0, token })
    const file = await open(buildingPath, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(buildingPath, copyPath)
    flushFolder(dirname(copyPath))
    return { sizeBytes: (await stat(copyPath)).size }
  } finally {
    await removeSqliteFile(buildingPath)
  }
}

function build(path: string, key: Uint8Array, position: { lineage: string; number: number; token: string }): void {
  const db = openDatabase(path, { cipher: { kind: 'aegis', key }, create: true })
  try {
    db.pragma('page_size=4096')
    db.pragma("encoding='UTF-8'")
    db.pragma('journal_mode=MEMORY')
    createItemTables(db, position)
    db.pragma('journal_mode=WAL')
  } finally {
    db.close()
  }
}
