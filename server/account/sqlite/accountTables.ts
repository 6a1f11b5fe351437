/**
 * Tables of the account service's own file, and the steps that make them. Append; never change a released step.
 */

import type { Kysely } from 'kysely'
import type { Migration } from '../../catalogue/sqlite/migrate.ts'

export interface SigningKeyTable {
  kid: string
  /** Public JWK as JSON. */
  publicJwk: string
  /** 32 octets of the private key, sealed: a key of the key ring. */
  wrappedPrivateKey: string
  createdAt: number
}

export interface AccountTables {
  account: {
    accountId: string
    name: string
    /** The name in lower case: two names that differ in case are the same. */
    nameKey: string
    passwordHash: string
    createdAt: number
    disabled: number
  }
  device: {
    accountId: string
    deviceId: string
    name: string
    ha1: string | null
    createdAt: number
    disabled: number
    fenceReason: string | null
    fencedAt: number | null
  }
  appPassword: { accountId: string; ha1: string; createdAt: number }
  refreshToken: {
    tokenHash: string
    familyId: string
    accountId: string
    deviceId: string | null
    expiresAt: number
    usedAt: number | null
  }
  signingKey: SigningKeyTable
}

/** All steps, in order. */
export const accountMigrations: readonly Migration[] = [
  { name: '0001-account', up: createAccount },
  { name: '0002-device', up: createDevice },
  { name: '0003-app-password', up: createAppPassword },
  { name: '0004-refresh-token', up: createRefreshToken },
  { name: '0005-signing-key', up: createSigningKey },
  { name: '0006-device-fence', up: addFence },
]

async function createAccount(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('account')
    .addColumn('accountId', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('nameKey', 'text', (column) => column.notNull().unique())
    .addColumn('passwordHash', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('disabled', 'integer', (column) => column.notNull())
    .execute()
}

async function createDevice(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('device')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('ha1', 'text')
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('disabled', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('deviceKey', ['accountId', 'deviceId'])
    .addUniqueConstraint('deviceName', ['accountId', 'name'])
    .execute()
  await db.schema.createIndex('deviceById').on('device').column('deviceId').execute()
}

async function createAppPassword(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('appPassword')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('ha1', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('appPasswordKey', ['accountId', 'ha1'])
    .execute()
}

async function createRefreshToken(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('refreshToken')
    .addColumn('tokenHash', 'text', (column) => column.primaryKey())
    .addColumn('familyId', 'text', (column) => column.notNull())
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text')
    .addColumn('expiresAt', 'bigint', (column) => column.notNull())
    .addColumn('usedAt', 'bigint')
    .execute()
  await db.schema.createIndex('refreshTokenByFamily').on('refreshToken').column('familyId').execute()
  await db.schema.createIndex('refreshTokenByAccount').on('refreshToken').column('accountId').execute()
}

async function createSigningKey(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('signingKey')
    .addColumn('kid', 'text', (column) => column.primaryKey())
    .addColumn('publicJwk', 'text', (column) => column.notNull())
    .addColumn('wrappedPrivateKey', 'text', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .execute()
}

async function addFence(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('device').addColumn('fenceReason', 'text').execute()
  await db.schema.alterTable('device').addColumn('fencedAt', 'bigint').execute()
}
