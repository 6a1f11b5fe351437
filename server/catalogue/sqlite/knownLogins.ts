/**
 * Fills the port `KnownLogins` from the catalogue's tables. Times of access are for people to read: they wait a moment
 * and are written together, since a page of the file holds those of many devices.
 */

import type { KnownLogin, KnownLogins } from '../catalogue.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { KnownLoginTable } from './tables.ts'

/** Milliseconds an access may wait; it is lost if the server is killed meanwhile. */
const ACCESS_DELAY_MS = 5000

type Access = Parameters<KnownLogins['touch']>[2]

/** Known logins kept in `db`; `flush` writes what waits. */
export function sqlKnownLogins(db: CatalogueDb): KnownLogins & { flush(): Promise<void> } {
  const waiting = new Map<string, { readonly owner: readonly [string, string]; readonly access: Access }>()
  let timer: NodeJS.Timeout | undefined
  const select = compileOnce(db, ({ deviceId }: Pick<KnownLoginTable, 'deviceId'>) =>
    db.selectFrom('knownLogin').selectAll().where('deviceId', '=', deviceId),
  )
  const flush = async (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    const accesses = [...waiting.values()]
    waiting.clear()
    await Promise.all(accesses.map(({ owner, access }) => writeAccess(db, owner, access)))
  }
  const wait = (owner: readonly [string, string], access: Access): void => {
    waiting.set(JSON.stringify(owner), { owner, access })
    // Nothing is lost but a time when the file cannot be written: the next access comes along.
    timer ??= setTimeout(() => void flush().catch(() => undefined), ACCESS_DELAY_MS).unref()
  }
  return {
    flush,
    async find(deviceId) {
      const { rows } = await select({ deviceId })
      return rows.map((row) => {
        const recent = waiting.get(JSON.stringify([row.accountId, row.deviceId]))
        return { ...fromRow(row), ...recent?.access }
      })
    },
    async put(login) {
      waiting.delete(JSON.stringify([login.accountId, login.deviceId]))
      const { accountId, deviceId, ...rest } = toRow(login)
      await db
        .insertInto('knownLogin')
        .values({ accountId, deviceId, ...rest })
        .onConflict((conflict) => conflict.columns(['accountId', 'deviceId']).doUpdateSet(rest))
        .execute()
    },
    async touch(accountId, deviceId, change) {
      const owner = [accountId, deviceId] as const
      const recent = waiting.get(JSON.stringify(owner))
      if (change.enabled !== false) return wait(owner, { ...recent?.access, ...change })
      waiting.delete(JSON.stringify(owner))
      await writeAccess(db, owner, change)
    },
    async remove(accountId, deviceId) {
      waiting.delete(JSON.stringify([accountId, deviceId]))
      await db.deleteFrom('knownLogin').where('accountId', '=', accountId).where('deviceId', '=', deviceId).execute()
    },
  }
}

async function writeAccess(
  db: CatalogueDb,
  [accountId, deviceId]: readonly [string, string],
  { lastAccessAt, enabled, checkedAt }: Access,
): Promise<void> {
  await db
    .updateTable('knownLogin')
    .set({
      lastAccessAt,
      ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
      ...(checkedAt === undefined ? {} : { checkedAt }),
    })
    .where('accountId', '=', accountId)
    .where('deviceId', '=', deviceId)
    .execute()
}

function toRow(login: KnownLogin): KnownLoginTable {
  return { ...login, enabled: login.enabled ? 1 : 0 }
}

function fromRow(row: KnownLoginTable): KnownLogin {
  return { ...row, enabled: row.enabled === 1 }
}
