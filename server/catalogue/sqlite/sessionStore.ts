/**
 * Fills the session engine's port `SessionStore` from the catalogue's tables. One row per session, replaced with
 * each message; the catalogue commits durably, so an answer that was sent is an answer that is kept (OM-4).
 */

import type { SessionState } from '../../omads/sessionState.ts'
import type { SessionRecord, SessionStore, StoredAnswer } from '../../omads/sessionStore.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { OmadsSessionTable } from './tables.ts'

/** Sessions kept in `db`. */
export function sqlSessionStore(db: CatalogueDb): SessionStore {
  return {
    async findByToken(token) {
      const row = await db.selectFrom('omadsSession').selectAll().where('token', '=', token).executeTakeFirst()
      return row && fromRow(row)
    },
    async findByDevice(deviceId) {
      const rows = await db
        .selectFrom('omadsSession')
        .selectAll()
        .where('deviceId', '=', deviceId)
        .orderBy('touchedAt', 'desc')
        .execute()
      return rows.map(fromRow)
    },
    async save(record) {
      const { token, ...rest } = toRow(record)
      await db
        .insertInto('omadsSession')
        .values({ token, ...rest })
        .onConflict((conflict) => conflict.column('token').doUpdateSet(rest))
        .execute()
    },
    async remove(token) {
      await db.deleteFrom('omadsSession').where('token', '=', token).execute()
    },
    async listIdle(before, limit) {
      const rows = await db
        .selectFrom('omadsSession')
        .selectAll()
        .where('touchedAt', '<', before)
        .orderBy('touchedAt')
        .limit(limit)
        .execute()
      return rows.map(fromRow)
    },
  }
}

function toRow({ state, answer, touchedAt }: SessionRecord): OmadsSessionTable {
  const { token, deviceId } = state.identity
  const bytes = Buffer.from(answer.bytes).toString('base64')
  return { token, deviceId, state: JSON.stringify(state), answer: JSON.stringify({ ...answer, bytes }), touchedAt }
}

function fromRow({ state, answer, touchedAt }: OmadsSessionTable): SessionRecord {
  const { bytes, ...stored } = JSON.parse(answer) as Omit<StoredAnswer, 'bytes'> & { bytes: string }
  return {
    state: JSON.parse(state) as SessionState,
    answer: { ...stored, bytes: new Uint8Array(Buffer.from(bytes, 'base64')) },
    touchedAt,
  }
}
