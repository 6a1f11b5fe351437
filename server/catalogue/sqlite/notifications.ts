/** Fills the port `Notifications` from the catalogue's tables: one row per device, the newest notification. */

import { sql } from 'kysely'
import type { AlertedSync } from '../../../schemas/syncml/notification.ts'
import type { DeviceKey, IssuedNotification, Notifications } from '../../push/notifications.ts'
import { ACCOUNT_DEVICE } from '../catalogue.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { NotificationTable } from './tables.ts'

/** Notifications kept in `db`. */
export function sqlNotifications(db: CatalogueDb): Notifications {
  const select = compileOnce(db, ({ accountId, deviceId }: DeviceKey) =>
    db.selectFrom('notification').selectAll().where('accountId', '=', accountId).where('deviceId', '=', deviceId),
  )
  const ofIssue = ({ accountId, deviceId, issuedAt }: IssuedNotification) =>
    db
      .updateTable('notification')
      .where('accountId', '=', accountId)
      .where('deviceId', '=', deviceId)
      .where('issuedAt', '=', issuedAt)
  return {
    async get({ accountId, deviceId }) {
      const [row] = (await select({ accountId, deviceId })).rows
      return row && fromRow(row)
    },
    async issue({ accountId, deviceId, sessionId, syncs }, now) {
      const fresh = {
        ...{ sessionId, syncs: JSON.stringify(syncs), takenAt: null, pushedAt: null, attempts: 0, nextPushAt: now },
      }
      const row = await db
        .insertInto('notification')
        .values({ accountId, deviceId, issuedAt: now, ...fresh })
        .onConflict((conflict) =>
          conflict.columns(['accountId', 'deviceId']).doUpdateSet({
            ...fresh,
            // Two processes may issue in one millisecond, and clocks are set back.
            issuedAt: sql<number>`case when notification."issuedAt" < excluded."issuedAt"
              then excluded."issuedAt" else notification."issuedAt" + 1 end`,
          }),
        )
        .returningAll()
        .executeTakeFirstOrThrow()
      return fromRow(row)
    },
    async take({ accountId, deviceId }, issuedAt, now) {
      const taken = { issuedAt, takenAt: now, nextPushAt: null }
      await db
        .insertInto('notification')
        .values({ accountId, deviceId, sessionId: 0, syncs: '[]', pushedAt: null, attempts: 0, ...taken })
        .onConflict((conflict) =>
          conflict.columns(['accountId', 'deviceId']).doUpdateSet(taken).where('notification.issuedAt', '<=', issuedAt),
        )
        .execute()
    },
    async listSince(since) {
      const rows = await db
        .selectFrom('notification')
        .selectAll()
        .where('issuedAt', '>=', since)
        .where('takenAt', 'is', null)
        .execute()
      return rows.map(fromRow)
    },
    async listDue(now, since, limit) {
      const rows = await db
        .selectFrom('notification')
        .selectAll()
        .where('nextPushAt', '<=', now)
        .where('issuedAt', '>=', since)
        .where('takenAt', 'is', null)
        .orderBy('nextPushAt')
        .limit(limit)
        .execute()
      return rows.map(fromRow)
    },
    async markPushed(notification, now) {
      await ofIssue(notification).set({ pushedAt: now, nextPushAt: null }).execute()
    },
    async postpone(notification, nextAt) {
      const attempts = notification.attempts + 1
      await ofIssue(notification)
        .set({ attempts, nextPushAt: nextAt ?? null })
        .execute()
    },
    listOverdue: (before, limit) => listOverdue(db, before, limit),
  }
}

async function listOverdue(db: CatalogueDb, before: number, limit: number): Promise<readonly DeviceKey[]> {
  return db
    .selectFrom('database')
    .innerJoin('knownLogin', (join) =>
      join
        .onRef('knownLogin.accountId', '=', 'database.accountId')
        .onRef('knownLogin.deviceId', '=', 'database.deviceId')
        .on('knownLogin.enabled', '=', 1),
    )
    .leftJoin('notification', (join) =>
      join
        .onRef('notification.accountId', '=', 'database.accountId')
        .onRef('notification.deviceId', '=', 'database.deviceId'),
    )
    .select(['database.accountId', 'database.deviceId'])
    .where('database.deviceId', '!=', ACCOUNT_DEVICE)
    .where('database.lastBackupAt', '<', before)
    .where((where) =>
      where.or([
        where('notification.issuedAt', 'is', null),
        where('notification.issuedAt', '<', where.ref('database.lastBackupAt')),
        where('notification.takenAt', '<', before),
      ]),
    )
    .groupBy(['database.accountId', 'database.deviceId'])
    .orderBy((order) => order.fn.min('database.lastBackupAt'))
    .limit(limit)
    .execute()
}

function fromRow(row: NotificationTable): IssuedNotification {
  const { accountId, deviceId, sessionId, issuedAt, syncs, takenAt, pushedAt, attempts } = row
  return {
    ...{ accountId, deviceId, sessionId, issuedAt, attempts, syncs: JSON.parse(syncs) as AlertedSync[] },
    ...(takenAt !== null && { takenAt }),
    ...(pushedAt !== null && { pushedAt }),
  }
}
