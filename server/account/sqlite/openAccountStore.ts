/**
 * Opens the account service's own encrypted file, `accounts.sqlite`, and fills the port `AccountStore` from it.
 */

import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import { fileKeyUse, openSqliteFile } from '../../catalogue/sqlite/openSqliteFile.ts'
import type { KeyRing } from '../../keys/keyRing.ts'
import type { KeyUse } from '../../keys/keyUse.ts'
import type { AccountRow, AccountStore } from '../accountStore.ts'
import { type AccountTables, accountMigrations } from './accountTables.ts'
import { deviceRows } from './deviceRows.ts'
import { refreshTokens } from './refreshTokens.ts'
import { signingKeyRows } from './signingKeyRows.ts'
import { signingKeyUse } from './signingKeyUse.ts'

type AccountDb = Kysely<AccountTables>

/** The opened store. `close` ends it. */
export interface OpenedAccountStore extends AccountStore {
  /** What it keeps wrapped, its own file's key included. */
  readonly keyUses: readonly KeyUse[]
  close(): Promise<void>
}

/** @throws {CodedError} as `openSqliteFile` says. */
export async function openAccountStore(dataDir: string, keyRing: KeyRing): Promise<OpenedAccountStore> {
  const path = join(dataDir, 'accounts.sqlite')
  const db = await openSqliteFile<AccountTables>({ path, context: 'accounts', migrations: accountMigrations }, keyRing)
  return {
    keyUses: [fileKeyUse('accounts', path, keyRing), signingKeyUse(db, keyRing)],
    signingKeys: signingKeyRows(db),
    ...accountRows(db),
    ...deviceRows(db),
    ...refreshTokens(db),
    close: () => db.destroy(),
  }
}

type AccountPart = Pick<
  AccountStore,
  | 'addAccount'
  | 'findAccount'
  | 'getAccount'
  | 'listAccounts'
  | 'setAccountDisabled'
  | 'removeAccount'
  | 'addAppPassword'
  | 'listAppPasswords'
>

function accountRows(db: AccountDb): AccountPart {
  return {
    async addAccount(row) {
      const inserted = await db
        .insertInto('account')
        .values({ ...row, nameKey: row.name.toLowerCase(), disabled: row.disabled ? 1 : 0 })
        .onConflict((conflict) => conflict.column('nameKey').doNothing())
        .executeTakeFirst()
      return inserted.numInsertedOrUpdatedRows === 1n
    },
    async findAccount(name) {
      const row = await db
        .selectFrom('account')
        .selectAll()
        .where('nameKey', '=', name.toLowerCase())
        .executeTakeFirst()
      return row && fromRow(row)
    },
    async getAccount(accountId) {
      const row = await db.selectFrom('account').selectAll().where('accountId', '=', accountId).executeTakeFirst()
      return row && fromRow(row)
    },
    async listAccounts() {
      return (await db.selectFrom('account').selectAll().orderBy('nameKey').execute()).map(fromRow)
    },
    async setAccountDisabled(name, disabled) {
      return db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('account')
          .set({ disabled: disabled ? 1 : 0 })
          .where('nameKey', '=', name.toLowerCase())
          .returning('accountId')
          .executeTakeFirst()
        if (row !== undefined && disabled)
          await trx.deleteFrom('refreshToken').where('accountId', '=', row.accountId).execute()
        return row !== undefined
      })
    },
    async removeAccount(accountId) {
      await db.transaction().execute(async (trx) => {
        for (const { name, columns } of await trx.introspection.getTables())
          if (columns.some((column) => column.name === 'accountId'))
            await sql`DELETE FROM ${sql.table(name)} WHERE "accountId" = ${accountId}`.execute(trx)
      })
    },
    async addAppPassword(accountId, ha1, createdAt) {
      await db.insertInto('appPassword').values({ accountId, ha1, createdAt }).execute()
    },
    async listAppPasswords(accountId) {
      const rows = await db.selectFrom('appPassword').select('ha1').where('accountId', '=', accountId).execute()
      return rows.map((row) => row.ha1)
    },
  }
}

function fromRow(row: AccountTables['account']): AccountRow {
  const { accountId, name, passwordHash, createdAt, disabled } = row
  return { accountId, name, passwordHash, createdAt, disabled: disabled === 1 }
}
