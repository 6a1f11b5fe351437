/**
 * Opens the backup server's catalogue, `catalogue.sqlite` in the data directory. Each port is filled by a file of
 * this folder that takes the opened `CatalogueDb`.
 */

import { join } from 'node:path'
import type { Kysely } from 'kysely'
import type { KeyRing } from '../../keys/keyRing.ts'
import { storageError } from '../../storage/storageError.ts'
import { catalogueMigrations } from './migrations.ts'
import { openSqliteFile } from './openSqliteFile.ts'
import type { CatalogueTables } from './tables.ts'

/** The opened catalogue; `destroy()` closes it. */
export type CatalogueDb = Kysely<CatalogueTables>

/** @throws {CodedError} as `openSqliteFile` says. */
export async function openCatalogue(dataDir: string, keyRing: KeyRing): Promise<CatalogueDb> {
  return openSqliteFile<CatalogueTables>(
    { path: join(dataDir, 'catalogue.sqlite'), context: 'catalogue', migrations: catalogueMigrations },
    keyRing,
  )
}

/** For `/readyz`: whether the catalogue answers. @throws {CodedError} `storage.unavailable`. */
export async function checkCatalogue(db: CatalogueDb): Promise<void> {
  try {
    await db.selectFrom('database').select('copyId').limit(1).execute()
  } catch (cause) {
    throw storageError(cause, 'the catalogue does not answer')
  }
}
