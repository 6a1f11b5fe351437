/** Fills the session engine's port `ClientDescriptions` from the catalogue's tables. */

import type { DevInf } from '../../../schemas/syncml/message.ts'
import type { ClientDescriptions } from '../../omads/clientDescriptions.ts'
import type { CatalogueDb } from './openCatalogue.ts'

/** Device information kept in `db`. */
export function sqlClientDescriptions(db: CatalogueDb): ClientDescriptions {
  const find = async (accountId: string, deviceId: string): Promise<string | undefined> => {
    const row = await db
      .selectFrom('clientDescription')
      .select('devInf')
      .where('accountId', '=', accountId)
      .where('deviceId', '=', deviceId)
      .executeTakeFirst()
    return row?.devInf
  }
  return {
    async read(accountId, deviceId) {
      const devInf = await find(accountId, deviceId)
      return devInf === undefined ? undefined : (JSON.parse(devInf) as DevInf)
    },
    async write(accountId, deviceId, description) {
      const devInf = JSON.stringify(description)
      // Some clients send it in every session: only what is new costs a commit.
      if ((await find(accountId, deviceId)) === devInf) return
      await db
        .insertInto('clientDescription')
        .values({ accountId, deviceId, devInf })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet({ devInf }))
        .execute()
    },
  }
}
