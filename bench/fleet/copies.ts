/** The server's copies, opened with its own keys while it does not run: for the bare loop, and to see that all is there. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { copyKeyContext } from '../../server/backup/copyKey.ts'
import { openCatalogue } from '../../server/catalogue/sqlite/openCatalogue.ts'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'

/** One copy and its key (hex). */
export interface FleetCopy {
  readonly path: string
  readonly key: string
}

export async function listCopies(dataFolder: string): Promise<FleetCopy[]> {
  const { keyRing } = openKeyRing({ dataDir: dataFolder })
  const catalogue = await openCatalogue(dataFolder, keyRing)
  try {
    const rows = await catalogue.selectFrom('database').select(['copyId', 'wrappedKey']).execute()
    return rows.map(({ copyId, wrappedKey }) => ({
      path: join(dataFolder, 'copies', `${copyId}.db`),
      key: Buffer.from(keyRing.unwrap(wrappedKey, copyKeyContext(copyId))).toString('hex'),
    }))
  } finally {
    await catalogue.destroy()
  }
}

const ROWS = 'SELECT id, title, body, changed FROM notes ORDER BY id'

/** A digest of the rows of a copy. */
export function digestCopy(copy: FleetCopy): string {
  const db = openDatabase(copy.path, { cipher: { kind: 'aegis', key: Buffer.from(copy.key, 'hex') } })
  try {
    return digestRows(db.prepare(ROWS).all())
  } finally {
    db.close()
  }
}

/** The same digest of a device's database. */
export function digestDevice(folder: string, device: number): string {
  return digestFile(join(folder, `device-${device}`, 'app.db'))
}

/** The same digest of a plain file. */
export function digestFile(path: string): string {
  if (!existsSync(path)) throw new Error(`there is no database ${path}`)
  const db = new Database(path)
  try {
    return digestRows(db.prepare(ROWS).raw(true).safeIntegers(true).all() as unknown[][])
  } finally {
    db.close()
  }
}

function digestRows(rows: readonly (readonly unknown[])[]): string {
  const digest = createHash('sha256')
  for (const row of rows) digest.update(`${row.map(String).join('\u0000')}\n`)
  return digest.digest('hex')
}
