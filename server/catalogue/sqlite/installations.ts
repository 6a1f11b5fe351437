/** Fills the port `Installations` from the catalogue's table. */

import type { InstallationKey, Installations } from '../installations.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Installations kept in `db`. */
export function sqlInstallations(db: CatalogueDb): Installations {
  const select = compileOnce(db, ({ accountId, deviceId }: InstallationKey) =>
    db.selectFrom('installation').selectAll().where('accountId', '=', accountId).where('deviceId', '=', deviceId),
  )
  const upsert = compileOnce(
    db,
    ({ accountId, deviceId, value, acceptedAt }: InstallationKey & { value: string; acceptedAt: number }) =>
      db
        .insertInto('installation')
        .values({ accountId, deviceId, value, acceptedAt })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet({ value, acceptedAt })),
  )
  const setClonedAt = async ({ accountId, deviceId }: InstallationKey, clonedAt: number | null): Promise<void> => {
    await db
      .updateTable('installation')
      .set({ clonedAt })
      .where('accountId', '=', accountId)
      .where('deviceId', '=', deviceId)
      .execute()
  }
  return {
    async get({ accountId, deviceId }) {
      const [row] = (await select({ accountId, deviceId })).rows
      if (row === undefined) return undefined
      const { clonedAt, ...rest } = row
      return clonedAt === null ? rest : { ...rest, clonedAt }
    },
    async accept({ accountId, deviceId }, value, acceptedAt, claimed = false) {
      await upsert({ accountId, deviceId, value, acceptedAt })
      if (claimed) await setClonedAt({ accountId, deviceId }, null)
    },
    noteClone: setClonedAt,
  }
}
