/**
 * Fills the session engine's port `SessionStore` from the catalogue's tables. One row per session, replaced with
 * each message; the catalogue commits durably, so an answer that was sent is an answer that is kept (OM-4).
 */

import type { SessionState } from '../../omads/sessionState.ts'
import type { SessionRecord, SessionStore, SessionSummary } from '../../omads/sessionStore.ts'
import { compileOnce } from './compileOnce.ts'
import type { CatalogueDb } from './openCatalogue.ts'
import type { OmadsSessionTable } from './tables.ts'

/** The octets of answers may be a megabyte each: only the session that is meant is read whole. */
const SUMMARY = ['state', 'answer', 'touchedAt'] as const

/** Sessions kept in `db`. */
export function sqlSessionStore(db: CatalogueDb): SessionStore {
  const selectByDevice = compileOnce(db, ({ deviceId }: Pick<OmadsSessionTable, 'deviceId'>) =>
    db.selectFrom('omadsSession').select(SUMMARY).where('deviceId', '=', deviceId).orderBy('touchedAt', 'desc'),
  )
  const upsert = compileOnce(db, ({ token, deviceId, state, answer, touchedAt, answerBytes }: OmadsSessionTable) =>
    db
      .insertInto('omadsSession')
      .values({ token, deviceId, state, answer, touchedAt, answerBytes })
      .onConflict((conflict) =>
        conflict.column('token').doUpdateSet({ deviceId, state, answer, touchedAt, answerBytes }),
      ),
  )
  return {
    async findByToken(token) {
      const row = await db.selectFrom('omadsSession').selectAll().where('token', '=', token).executeTakeFirst()
      return row && fromRow(row)
    },
    async findByDevice(deviceId) {
      const { rows } = await selectByDevice({ deviceId })
      return rows.map(toSummary)
    },
    async save(record) {
      await upsert(toRow(record))
    },
    async remove(token) {
      await db.deleteFrom('omadsSession').where('token', '=', token).execute()
    },
    async listIdle(before, limit) {
      const rows = await db
        .selectFrom('omadsSession')
        .select(SUMMARY)
        .where('touchedAt', '<', before)
        .orderBy('touchedAt')
        .limit(limit)
        .execute()
      return rows.map(toSummary)
    },
  }
}

function toRow({ state, answer, touchedAt }: SessionRecord): OmadsSessionTable {
  const { token, deviceId } = state.identity
  const { bytes, ...rest } = answer
  const answerBytes = Buffer.from(bytes).toString('base64')
  return { token, deviceId, state: JSON.stringify(state), answer: JSON.stringify(rest), touchedAt, answerBytes }
}

function fromRow(row: OmadsSessionTable): SessionRecord {
  const summary = toSummary(row)
  const bytes = new Uint8Array(Buffer.from(row.answerBytes, 'base64'))
  return { ...summary, answer: { ...summary.answer, bytes } }
}

function toSummary({ state, answer, touchedAt }: Pick<OmadsSessionTable, (typeof SUMMARY)[number]>): SessionSummary {
  return {
    state: JSON.parse(state) as SessionState,
    answer: JSON.parse(answer) as SessionSummary['answer'],
    touchedAt,
  }
}
