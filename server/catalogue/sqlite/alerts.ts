/** Fills the port `Alerts` from the catalogue's tables. */

import type { Alerts, HealthRow } from '../alerts.ts'
import type { DatabaseKey } from '../catalogue.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { HealthTable } from './tables.ts'

/** Alerts and states kept in `db`. */
export function sqlAlerts(db: CatalogueDb): Alerts {
  return {
    async listHealth(accountId) {
      return (await db.selectFrom('health').selectAll().where('accountId', '=', accountId).execute()).map(fromRow)
    },
    async listState(state) {
      return (await db.selectFrom('health').selectAll().where('state', '=', state).execute()).map(fromRow)
    },
    async countHealth() {
      const rows = await db
        .selectFrom('health')
        .select(['state', db.fn.countAll<number>().as('count')])
        .groupBy('state')
        .execute()
      return new Map(rows.map(({ state, count }) => [state, Number(count)]))
    },
    putHealth: (row) => putHealth(db, row),
    async noteFailure({ accountId, deviceId, name }, at, failureCode) {
      const failure = { failedAt: at, failureCode }
      await db
        .insertInto('health')
        .values({ accountId, deviceId, name, state: 'ok', since: at, ...failure })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(failure))
        .execute()
    },
    async removeHealth({ accountId, deviceId, name }: DatabaseKey) {
      await db
        .deleteFrom('health')
        .where('accountId', '=', accountId)
        .where('deviceId', '=', deviceId)
        .where('name', '=', name)
        .execute()
    },
    raise: ({ id, at, topic, body }, ports, notSince) =>
      db.transaction().execute(async (trx) => {
        const same = await trx
          .selectFrom('alert')
          .select('id')
          .where('topic', '=', topic)
          .where('at', '>', notSince)
          .executeTakeFirst()
        if (same !== undefined) return false
        await trx.insertInto('alert').values({ id, topic, at, body }).execute()
        for (const port of ports)
          await trx.insertInto('alertDelivery').values({ port, alertId: id, attempts: 0, dueAt: at }).execute()
        return true
      }),
    async listDue(port, now, limit) {
      return db
        .selectFrom('alertDelivery as d')
        .innerJoin('alert as a', 'a.id', 'd.alertId')
        .select(['a.id', 'a.body', 'd.attempts'])
        .where('d.port', '=', port)
        .where('d.dueAt', '<=', now)
        .orderBy('a.at')
        .orderBy('a.id')
        .limit(limit)
        .execute()
    },
    async done(port, ids) {
      await db.deleteFrom('alertDelivery').where('port', '=', port).where('alertId', 'in', ids).execute()
    },
    async putOff(port, ids, dueAt) {
      await db
        .updateTable('alertDelivery')
        .set((expression) => ({ dueAt, attempts: expression('attempts', '+', 1) }))
        .where('port', '=', port)
        .where('alertId', 'in', ids)
        .execute()
    },
    async forget(before) {
      await db
        .deleteFrom('alert')
        .where('at', '<', before)
        .where('id', 'not in', (query) => query.selectFrom('alertDelivery').select('alertId'))
        .execute()
    },
  }
}

async function putHealth(db: CatalogueDb, row: HealthRow): Promise<void> {
  const { accountId, deviceId, name, failedAt = null, failureCode = null, ...rest } = row
  const content = { ...rest, failedAt, failureCode }
  await db
    .insertInto('health')
    .values({ accountId, deviceId, name, ...content })
    .onConflict((conflict) => conflict.columns(['accountId', 'deviceId', 'name']).doUpdateSet(content))
    .execute()
}

function fromRow({ failedAt, failureCode, ...row }: HealthTable): HealthRow {
  return { ...row, ...(failedAt !== null && { failedAt }), ...(failureCode !== null && { failureCode }) }
}
