/** Fills the port `Erasures` from the catalogue's tables: from whatever tables there are (KY-12). */

import { createHash } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import { wrappedWith } from '../../keys/keyRing.ts'
import type { ErasedFacts, ErasedFiles, ErasedOwner, Erasures, OpenErasure } from '../erasures.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { CatalogueTables, ErasureTable } from './tables.ts'

/** Erasures kept in `db`. */
export function sqlErasures(db: CatalogueDb): Erasures {
  return {
    begin: ({ devices, ...owner }, now) =>
      db.transaction().execute(async (trx) => {
        const before = await trx
          .selectFrom('erasure')
          .selectAll()
          .where('subject', '=', owner.accountId)
          .executeTakeFirst()
        const found = await collect(trx, owner)
        await deleteRows(trx, owner, found.files)
        const known = before && fromRow(before)
        const erasure: OpenErasure = {
          ...owner,
          startedAt: known?.startedAt ?? now,
          devices: Math.max(known?.devices ?? 0, devices),
          files: known ? joinFiles(known.files, found.files) : found.files,
          facts: known ? joinFacts(known.facts, found.facts) : found.facts,
        }
        const content = {
          devices: erasure.devices,
          files: JSON.stringify(erasure.files),
          facts: JSON.stringify(erasure.facts),
          endedAt: null,
        }
        await trx
          .insertInto('erasure')
          .values({
            subject: owner.accountId,
            accountName: owner.accountName,
            startedAt: now,
            receipt: null,
            ...content,
          })
          .onConflict((conflict) => conflict.column('subject').doUpdateSet(content))
          .execute()
        return erasure
      }),
    async listOpen() {
      return (await db.selectFrom('erasure').selectAll().where('endedAt', 'is', null).execute()).map(fromRow)
    },
    async end(accountId, receipt, now) {
      await db.updateTable('erasure').set({ receipt, endedAt: now }).where('subject', '=', accountId).execute()
    },
    async listSigned() {
      const rows = await db.selectFrom('erasure').select('receipt').orderBy('startedAt', 'desc').execute()
      return rows.flatMap(({ receipt }) => receipt ?? [])
    },
    async listEnded(since) {
      const rows = await db
        .selectFrom('erasure')
        .select(['subject', 'accountName'])
        .where('endedAt', '>=', since)
        .execute()
      return rows.map(({ subject, accountName }) => ({ accountId: subject, accountName }))
    },
    async hasRows(owner) {
      for (const table of await tablesWith(db, 'accountId')) {
        const { rows } =
          await sql`SELECT 1 FROM ${sql.table(table)} WHERE "accountId" = ${owner.accountId} LIMIT 1`.execute(db)
        if (rows.length > 0) return true
      }
      return (await sessionsOf(db, owner)).length > 0
    },
  }
}

async function tablesWith(db: Kysely<CatalogueTables>, column: string): Promise<readonly string[]> {
  const tables = await db.introspection.getTables()
  return tables.filter(({ columns }) => columns.some(({ name }) => name === column)).map(({ name }) => name)
}

interface Collected {
  readonly files: ErasedFiles
  readonly facts: ErasedFacts
}

async function collect(trx: Transaction<CatalogueTables>, owner: ErasedOwner): Promise<Collected> {
  const { accountId } = owner
  const copies = await trx
    .selectFrom('database')
    .select(['copyId', 'wrappedKey', 'sizeBytes'])
    .where('accountId', '=', accountId)
    .execute()
  const inUse = new Set(copies.map(({ copyId }) => copyId))
  // One that was to be put aside is in both while another takes its place.
  const past = (
    await trx
      .selectFrom('pastCopy')
      .select(['copyId', 'wrappedKey', 'sizeBytes'])
      .where('accountId', '=', accountId)
      .execute()
  ).filter(({ copyId }) => !inUse.has(copyId))
  const restores = await trx
    .selectFrom('restore')
    .select(['imageId', 'wrappedContentKey'])
    .where('accountId', '=', accountId)
    .unionAll(trx.selectFrom('delivery').select(['imageId', 'wrappedContentKey']).where('accountId', '=', accountId))
    .execute()
  const held = await trx.selectFrom('heldObject').select('spoolId').where('accountId', '=', accountId).execute()
  const traced = await trx.selectFrom('trace').select('deviceId').where('accountId', '=', accountId).execute()
  const sessions = await sessionsOf(trx, owner)
  return {
    files: {
      copyIds: [...copies, ...past].map(({ copyId }) => copyId),
      imageIds: [...restores.map(({ imageId }) => imageId), ...sessions.flatMap(({ imageIds }) => imageIds)],
      spoolIds: held.map(({ spoolId }) => spoolId),
      sessions: sessions.map(({ token }) => token),
      tracedDevices: traced.map(({ deviceId }) => deviceId),
    },
    facts: {
      copies: copies.length,
      pastCopies: past.length,
      restores: restores.length,
      sizeBytes: [...copies, ...past].reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0),
      keys: [
        ...copies.map(({ wrappedKey }) => describeKey('copy', wrappedKey)),
        ...past.map(({ wrappedKey }) => describeKey('past copy', wrappedKey)),
        ...restores.map(({ wrappedContentKey }) => describeKey('restore', wrappedContentKey)),
      ],
    },
  }
}

function describeKey(what: ErasedFacts['keys'][number]['what'], wrapped: string): ErasedFacts['keys'][number] {
  const fingerprint = createHash('sha256').update(wrapped).digest('hex')
  return { what, keyId: wrappedWith(wrapped) ?? '', fingerprint }
}

/** A session names its account within its state only. */
async function sessionsOf(
  db: Kysely<CatalogueTables>,
  { accountId }: ErasedOwner,
): Promise<readonly { readonly token: string; readonly imageIds: readonly string[] }[]> {
  const named = `%${JSON.stringify({ accountId }).slice(1, -1)}%`
  const rows = await db.selectFrom('omadsSession').select(['token', 'state']).where('state', 'like', named).execute()
  return rows.map(({ token, state }) => ({
    token,
    imageIds: [...state.matchAll(/"imageId":"([0-9a-f-]{36})"/g)].map(([, imageId = '']) => imageId),
  }))
}

async function deleteRows(trx: Transaction<CatalogueTables>, owner: ErasedOwner, files: ErasedFiles): Promise<void> {
  for (const token of files.sessions) await trx.deleteFrom('omadsSession').where('token', '=', token).execute()
  await sql`DELETE FROM nonce WHERE lower("userName") = ${owner.accountName.toLowerCase()}`.execute(trx)
  for (const table of await tablesWith(trx, 'accountId'))
    await sql`DELETE FROM ${sql.table(table)} WHERE "accountId" = ${owner.accountId}`.execute(trx)
  for (const table of await tablesWith(trx, 'copyId'))
    for (const copyId of files.copyIds)
      await sql`DELETE FROM ${sql.table(table)} WHERE "copyId" = ${copyId}`.execute(trx)
}

function fromRow(row: ErasureTable): OpenErasure {
  return {
    accountId: row.subject,
    accountName: row.accountName,
    startedAt: row.startedAt,
    devices: row.devices,
    files: JSON.parse(row.files) as ErasedFiles,
    facts: JSON.parse(row.facts) as ErasedFacts,
  }
}

function joinFiles(a: ErasedFiles, b: ErasedFiles): ErasedFiles {
  return {
    copyIds: [...a.copyIds, ...b.copyIds],
    imageIds: [...a.imageIds, ...b.imageIds],
    spoolIds: [...a.spoolIds, ...b.spoolIds],
    sessions: [...a.sessions, ...b.sessions],
    tracedDevices: [...a.tracedDevices, ...b.tracedDevices],
  }
}

function joinFacts(a: ErasedFacts, b: ErasedFacts): ErasedFacts {
  return {
    copies: a.copies + b.copies,
    pastCopies: a.pastCopies + b.pastCopies,
    restores: a.restores + b.restores,
    sizeBytes: a.sizeBytes + b.sizeBytes,
    keys: [...a.keys, ...b.keys],
  }
}
