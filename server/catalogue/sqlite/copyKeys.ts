/** Fills the port `CopyKeys` from the catalogue's tables. */

import { sql } from 'kysely'
import { wrappedWith } from '../../keys/keyRing.ts'
import type { CopyKeys, KeyedCopy } from '../copyKeys.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Both kinds of copies; one that was to be put aside is in both tables while another takes its place. */
const ALL = sql`(
  SELECT "copyId", "accountId", "deviceId", "name", "kind", "wrappedKey", "sizeBytes", "keyedWith" FROM "database"
  UNION ALL
  SELECT "copyId", "accountId", "deviceId", "name", "kind", "wrappedKey", "sizeBytes", "keyedWith" FROM "pastCopy"
    WHERE "copyId" NOT IN (SELECT "copyId" FROM "database")
) AS "copy"`

/** Copies listed in `db`. */
export function sqlCopyKeys(db: CatalogueDb): CopyKeys {
  return {
    async count(keyId) {
      const { rows } = await sql<{ waits: number; copies: number; sizeBytes: number }>`
        SELECT CASE WHEN "keyedWith" <> ${keyId} THEN 1 ELSE 0 END AS "waits",
          count(*) AS "copies", sum("sizeBytes") AS "sizeBytes" FROM ${ALL} GROUP BY 1`.execute(db)
      const sum = (of: readonly { copies: number; sizeBytes: number }[]) => ({
        copies: of.reduce((all, row) => all + Number(row.copies), 0),
        sizeBytes: of.reduce((all, row) => all + Number(row.sizeBytes), 0),
      })
      const [all, left] = [sum(rows), sum(rows.filter(({ waits }) => Number(waits) === 1))]
      return { ...all, leftCopies: left.copies, leftBytes: left.sizeBytes }
    },
    async next(keyId, after) {
      const { rows } = await sql<KeyedCopy>`
        SELECT "copyId", "accountId", "deviceId", "name", "kind", "wrappedKey", "sizeBytes" FROM ${ALL}
        WHERE "keyedWith" <> ${keyId} AND "copyId" > ${after} ORDER BY "copyId" LIMIT 1`.execute(db)
      return rows[0]
    },
    async replace(copyId, { copyId: newId, wrappedKey }) {
      const named = { copyId: newId, wrappedKey, keyedWith: wrappedWith(wrappedKey) ?? '' }
      return await db.transaction().execute(async (trx) => {
        const used = await trx.updateTable('database').set(named).where('copyId', '=', copyId).executeTakeFirst()
        const past = await trx.updateTable('pastCopy').set(named).where('copyId', '=', copyId).executeTakeFirst()
        if (used.numUpdatedRows + past.numUpdatedRows === 0n) return false
        await trx.updateTable('pastProof').set({ copyId: newId }).where('copyId', '=', copyId).execute()
        // What is being restored is of the same life: its confirmation finds the copy under its new name.
        await trx.updateTable('restore').set({ sourceCopyId: newId }).where('sourceCopyId', '=', copyId).execute()
        return true
      })
    },
  }
}
