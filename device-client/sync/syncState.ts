/**
 * What a sync remembers between sessions, in a database of the agent's own: anchors, the picture of what both sides last
 * agreed on, Maps the server has not confirmed, and what was about to be written. Rules DC-61, DC-64.
 */

import type { ContentType } from '../../schemas/syncml/message.ts'
import { transacting } from '../observe/connection.ts'
import type { SqlDatabase } from '../ports.ts'
import type { PicturedItem } from './planChanges.ts'
import type { SyncPast } from './syncMode.ts'

/** What is remembered of the server's datastore. */
export interface SyncLink extends SyncPast {
  /** Content types it takes; absent before it said so. */
  readonly takes?: readonly ContentType[]
}

/** An item the server has under an id of its own until it knows ours. */
export interface PendingMap {
  readonly guid: string
  readonly luid: string
}

/** An item that is about to be written. */
export interface Arriving {
  readonly luid: string
  readonly digest: string
  readonly guid: string | undefined
}

const TABLES = `
CREATE TABLE IF NOT EXISTS item(
  luid TEXT PRIMARY KEY, digest TEXT NOT NULL, guid TEXT,
  settled INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0, fresh INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS item_guid ON item(guid) WHERE guid IS NOT NULL;
CREATE TABLE IF NOT EXISTS arriving(luid TEXT PRIMARY KEY, digest TEXT NOT NULL, guid TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`

export class SyncState {
  readonly #db: SqlDatabase

  /** `binding` names server, remote store and source: what was remembered of others is forgotten. */
  constructor(db: SqlDatabase, binding: string) {
    this.#db = db
    db.exec('PRAGMA synchronous=FULL')
    db.exec(TABLES)
    if (this.#read('binding') === binding) return
    this.together(() => {
      db.exec('DELETE FROM item; DELETE FROM arriving; DELETE FROM memory')
      this.#write('binding', binding)
    })
  }

  /** Runs `work` whole or not at all; durable when it returns. */
  together<T>(work: () => T): T {
    return transacting(this.#db, true, work)
  }

  link(): SyncLink {
    return JSON.parse(this.#read('link') ?? '{}') as SyncLink
  }

  setLink(link: SyncLink): void {
    this.#write('link', JSON.stringify(link))
  }

  picture(): ReadonlyMap<string, PicturedItem> {
    const rows = this.#db.prepare('SELECT luid, digest, settled FROM item').all()
    return new Map(
      rows.map(([luid, digest, settled]) => [String(luid), { digest: String(digest), settled: settled !== 0n }]),
    )
  }

  digestOf(luid: string): string | undefined {
    const row = this.#db.prepare('SELECT digest FROM item WHERE luid = ?').get(luid)
    return row && String(row[0])
  }

  /** True if the item had its turn in the sync of the whole set that is under way. */
  isSettled(luid: string): boolean {
    return this.#db.prepare('SELECT settled FROM item WHERE luid = ?').get(luid)?.[0] === 1n
  }

  /** The server has this content under this LUID. */
  agree(luid: string, digest: string): void {
    this.#db
      .prepare(
        `INSERT INTO item(luid, digest, settled) VALUES (?, ?, 1)
         ON CONFLICT(luid) DO UPDATE SET digest = excluded.digest, settled = 1, refused = 0`,
      )
      .run(luid, digest)
  }

  /** The server took it as new in a session that has not ended yet. */
  freshen(luid: string): void {
    this.#db.prepare('UPDATE item SET fresh = 1 WHERE luid = ?').run(luid)
  }

  /** What the server took as new in the session that broke. */
  fresh(): readonly string[] {
    return this.#db
      .prepare('SELECT luid FROM item WHERE fresh = 1 ORDER BY luid')
      .all()
      .map(([luid]) => String(luid))
  }

  /** The session ended as it should: its anchor counts from now on. */
  finish(last: string): void {
    this.together(() => {
      const { interrupted: _, ...link } = this.link()
      this.setLink({ ...link, last })
      this.#db.exec('UPDATE item SET fresh = 0 WHERE fresh <> 0')
    })
  }

  /** Neither side has it any more, or the server has it as something else. */
  forget(luid: string): void {
    this.#db.prepare('DELETE FROM item WHERE luid = ?').run(luid)
  }

  /** Says what is about to be written, so that a kill in between leaves no item of unknown origin. */
  expect({ luid, digest, guid }: Arriving): void {
    this.#db.prepare('INSERT OR REPLACE INTO arriving VALUES (?, ?, ?)').run(luid, digest, guid ?? null)
  }

  /** It is written. */
  arrived({ luid, digest, guid }: Arriving): void {
    this.together(() => {
      this.#db.prepare('DELETE FROM arriving WHERE luid = ?').run(luid)
      this.agree(luid, digest)
      if (guid !== undefined) this.#db.prepare('UPDATE item SET guid = ? WHERE luid = ?').run(guid, luid)
    })
  }

  /** It was not written after all. */
  missed(luid: string): void {
    this.#db.prepare('DELETE FROM arriving WHERE luid = ?').run(luid)
  }

  /** What a kill left between `expect` and `arrived`. */
  unfinished(): readonly Arriving[] {
    const rows = this.#db.prepare('SELECT luid, digest, guid FROM arriving').all()
    return rows.map(([luid, digest, guid]) => ({
      luid: String(luid),
      digest: String(digest),
      guid: guid === null ? undefined : String(guid),
    }))
  }

  luidOf(guid: string): string | undefined {
    const row = this.#db.prepare('SELECT luid FROM item WHERE guid = ?').get(guid)
    return row && String(row[0])
  }

  pendingMaps(): readonly PendingMap[] {
    const rows = this.#db.prepare('SELECT guid, luid FROM item WHERE guid IS NOT NULL ORDER BY luid').all()
    return rows.map(([guid, luid]) => ({ guid: String(guid), luid: String(luid) }))
  }

  /** The server knows the LUID now, or will never ask for it. */
  mapped({ guid, luid }: PendingMap): void {
    this.#db.prepare('UPDATE item SET guid = NULL WHERE luid = ? AND guid = ?').run(luid, guid)
  }

  /** The server wanted it deleted, and the guard said no. */
  refuse(luid: string): void {
    this.#db.prepare('UPDATE item SET refused = 1 WHERE luid = ?').run(luid)
  }

  refused(): readonly { readonly luid: string; readonly digest: string }[] {
    const rows = this.#db.prepare('SELECT luid, digest FROM item WHERE refused = 1 ORDER BY luid').all()
    return rows.map(([luid, digest]) => ({ luid: String(luid), digest: String(digest) }))
  }

  /** A sync of the whole set begins: nothing has had its turn, and the server forgets ids. */
  beginWhole(present: (luid: string) => boolean): void {
    this.together(() => {
      for (const luid of this.picture().keys()) if (!present(luid)) this.forget(luid)
      this.#db.exec('UPDATE item SET settled = 0, refused = 0, guid = NULL')
    })
  }

  #read(name: string): string | undefined {
    const row = this.#db.prepare('SELECT value FROM memory WHERE name = ?').get(name)
    return row && String(row[0])
  }

  #write(name: string, value: string): void {
    this.#db.prepare('INSERT OR REPLACE INTO memory VALUES (?, ?)').run(name, value)
  }
}
