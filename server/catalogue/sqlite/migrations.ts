/**
 * The steps that make the catalogue's tables. Append; never change a step that was released.
 * Only types and clauses that SQLite and PostgreSQL share: text, bigint, integer.
 */

import { type Kysely, sql } from 'kysely'
import type { Migration } from './migrate.ts'
import { createAlert } from './migrations/alert.ts'
import { addBackupChoice } from './migrations/backupChoice.ts'
import { createDelivery } from './migrations/delivery.ts'
import { createErasure } from './migrations/erasure.ts'
import { createInstallation } from './migrations/installation.ts'
import { addKeyedWith } from './migrations/keyedWith.ts'
import { createPastProof } from './migrations/pastProof.ts'
import { createPin } from './migrations/pin.ts'
import { createQuota } from './migrations/quota.ts'
import { createVerification } from './migrations/verification.ts'

/** All steps, in order. */
export const catalogueMigrations: readonly Migration[] = [
  { name: '0001-known-login', up: createKnownLogin },
  { name: '0002-nonce', up: createNonce },
  { name: '0003-database', up: createDatabase },
  { name: '0004-restore', up: createRestore },
  { name: '0006-omads-session', up: createOmadsSession },
  { name: '0007-restore-held-lineage', up: addHeldLineage },
  { name: '0008-derived-challenges', up: dropChallenges },
  { name: '0009-answer-bytes', up: addAnswerBytes },
  { name: '0010-client-description', up: createClientDescription },
  { name: '0011-held-object', up: createHeldObject },
  { name: '0012-no-image-key', up: dropImageKey },
  { name: '0013-datastore-password', up: createDatastorePassword },
  { name: '0014-own-login', up: createOwnLogin },
  { name: '0015-notification', up: createNotification },
  { name: '0016-trace', up: createTrace },
  { name: '0017-past-copy', up: createPastCopy },
  { name: '0018-proof', up: createProof },
  { name: '0019-pin', up: createPin },
  { name: '0020-past-proof', up: createPastProof },
  { name: '0021-backup-choice', up: addBackupChoice },
  { name: '0022-quota', up: createQuota },
  { name: '0023-erasure', up: createErasure },
  { name: '0024-alert', up: createAlert },
  { name: '0025-verification', up: createVerification },
  { name: '0026-installation', up: createInstallation },
  { name: '0027-keyed-with', up: addKeyedWith },
  { name: '0028-delivery', up: createDelivery },
]

async function createKnownLogin(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('knownLogin')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('userName', 'text', (column) => column.notNull())
    .addColumn('accountName', 'text', (column) => column.notNull())
    .addColumn('ha1', 'text', (column) => column.notNull())
    .addColumn('lastAccessAt', 'bigint', (column) => column.notNull())
    .addColumn('enabled', 'integer', (column) => column.notNull())
    .addColumn('checkedAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('knownLoginKey', ['accountId', 'deviceId'])
    .execute()
  await db.schema.createIndex('knownLoginByDevice').on('knownLogin').column('deviceId').execute()
}

async function createNonce(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('nonce')
    .addColumn('userName', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('next', 'text')
    .addColumn('previous', 'text')
    .addColumn('challenge', 'text')
    .addColumn('challengedAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('nonceKey', ['userName', 'deviceId'])
    .execute()
}

async function createDatabase(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('database')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('copyId', 'text', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('wrappedKey', 'text', (column) => column.notNull())
    .addColumn('lineage', 'text', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('sizeBytes', 'bigint', (column) => column.notNull())
    .addColumn('lastBackupAt', 'bigint', (column) => column.notNull())
    .addColumn('lastMode', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('databaseKey', ['accountId', 'deviceId', 'name'])
    .execute()
}

async function createRestore(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('restore')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('sourceDeviceId', 'text', (column) => column.notNull())
    .addColumn('database', 'text', (column) => column.notNull())
    .addColumn('imageId', 'text', (column) => column.notNull())
    .addColumn('wrappedContentKey', 'text', (column) => column.notNull())
    .addColumn('wrappedImageKey', 'text', (column) => column.notNull())
    .addColumn('segmentMap', 'text', (column) => column.notNull())
    .addColumn('lineage', 'text', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('sourceCopyId', 'text', (column) => column.notNull())
    .addColumn('segments', 'integer', (column) => column.notNull())
    .addColumn('sizeBytes', 'bigint', (column) => column.notNull())
    .addColumn('sealedBytes', 'bigint', (column) => column.notNull())
    .addColumn('createdAt', 'bigint', (column) => column.notNull())
    .addColumn('expiresAt', 'bigint', (column) => column.notNull())
    .addColumn('completedAt', 'bigint')
    .execute()
  await db.schema.createIndex('restoreByExpiry').on('restore').column('expiresAt').execute()
}

async function addHeldLineage(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('restore').addColumn('heldLineage', 'text').execute()
}

async function createOmadsSession(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('omadsSession')
    .addColumn('token', 'text', (column) => column.primaryKey())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('answer', 'text', (column) => column.notNull())
    .addColumn('touchedAt', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('omadsSessionByDevice').on('omadsSession').column('deviceId').execute()
  await db.schema.createIndex('omadsSessionByTouch').on('omadsSession').column('touchedAt').execute()
}

/** Challenges are derived and not kept; nor are the sessions they began. */
async function dropChallenges(db: Kysely<unknown>): Promise<void> {
  await sql`delete from nonce where next is null`.execute(db)
  await sql`delete from "omadsSession" where state like '{"phase":"challenged"%'`.execute(db)
  await db.schema.alterTable('nonce').dropColumn('challenge').execute()
  await db.schema.alterTable('nonce').dropColumn('challengedAt').execute()
}

/** Sessions of an hour at most are not worth moving: their devices are told to begin again (OM-15). */
async function addAnswerBytes(db: Kysely<unknown>): Promise<void> {
  await sql`delete from "omadsSession"`.execute(db)
  await db.schema
    .alterTable('omadsSession')
    .addColumn('answerBytes', 'text', (column) => column.notNull().defaultTo(''))
    .execute()
}

async function createClientDescription(db: Kysely<unknown>): Promise<void> {
  // Links of sessions hold what they did not before: their devices are told to begin again (OM-15).
  await sql`delete from "omadsSession"`.execute(db)
  await db.schema
    .createTable('clientDescription')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('devInf', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('clientDescriptionKey', ['accountId', 'deviceId'])
    .execute()
}

async function createHeldObject(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('heldObject')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('uri', 'text', (column) => column.notNull())
    .addColumn('spoolId', 'text', (column) => column.notNull())
    .addColumn('object', 'text', (column) => column.notNull())
    .addColumn('heldAt', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('heldObjectKey', ['accountId', 'deviceId', 'uri'])
    .execute()
}

/** The file that a restore's segments are cut of is gone with the work on it, and its key with it. */
async function dropImageKey(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('restore').dropColumn('wrappedImageKey').execute()
}

async function createDatastorePassword(db: Kysely<unknown>): Promise<void> {
  // Sessions hold what they did not before: their devices are told to begin again (OM-15).
  await sql`delete from "omadsSession"`.execute(db)
  await db.schema
    .createTable('datastorePassword')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('lock', 'text', (column) => column.notNull())
    .addColumn('ha1', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('datastorePasswordKey', ['accountId', 'lock'])
    .execute()
}

async function createOwnLogin(db: Kysely<unknown>): Promise<void> {
  // Sessions hold what they did not before: their devices are told to begin again (OM-15).
  await sql`delete from "omadsSession"`.execute(db)
  await db.schema
    .createTable('ownLogin')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('sealedPassword', 'text', (column) => column.notNull())
    .addColumn('nonce', 'text')
    .addPrimaryKeyConstraint('ownLoginKey', ['accountId', 'deviceId'])
    .execute()
}

async function createNotification(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('notification')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('sessionId', 'integer', (column) => column.notNull())
    .addColumn('issuedAt', 'bigint', (column) => column.notNull())
    .addColumn('syncs', 'text', (column) => column.notNull())
    .addColumn('takenAt', 'bigint')
    .addColumn('pushedAt', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('nextPushAt', 'bigint')
    .addPrimaryKeyConstraint('notificationKey', ['accountId', 'deviceId'])
    .execute()
  await db.schema.createIndex('notificationByIssue').on('notification').column('issuedAt').execute()
  await db.schema.createIndex('notificationByPush').on('notification').column('nextPushAt').execute()
}

async function createTrace(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('trace')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('since', 'bigint', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('traceKey', ['accountId', 'deviceId'])
    .execute()
}

async function createPastCopy(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('pastCopy')
    .addColumn('copyId', 'text', (column) => column.primaryKey())
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('wrappedKey', 'text', (column) => column.notNull())
    .addColumn('lineage', 'text', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('takenAt', 'bigint', (column) => column.notNull())
    .addColumn('sizeBytes', 'bigint', (column) => column.notNull())
    .addColumn('endedAt', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema.createIndex('pastCopyByDatabase').on('pastCopy').columns(['accountId', 'deviceId', 'name']).execute()
}

async function createProof(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('proof')
    .addColumn('accountId', 'text', (column) => column.notNull())
    .addColumn('deviceId', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('checkedAt', 'bigint', (column) => column.notNull())
    .addColumn('provenAt', 'bigint', (column) => column.notNull())
    .addColumn('token', 'text', (column) => column.notNull())
    .addColumn('failure', 'text')
    .addPrimaryKeyConstraint('proofKey', ['accountId', 'deviceId', 'name'])
    .execute()
}
