/**
 * The tables of an account's copy: one ordinary table per store, which restores hand out, and the synchronization's own
 * `_nightferry_sync_*`, which commit with them and never enter an image (IT-1, BK-7).
 */

import { CodedError } from '../../schemas/errors.ts'
import { ITEMS_VERSION } from '../../schemas/version.ts'
import { type CopyPosition, createLayout, type SchemaObject, writeObjects } from '../backup/copyLayout.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'
import { STORES } from './stores.ts'

/** Page size of the file that a restore hands out. */
const PAGE_SIZE = 4096

const storeTable = (store: string): string =>
  `CREATE TABLE ${store}(id TEXT PRIMARY KEY NOT NULL, type TEXT NOT NULL, content, parent TEXT, ` +
  'changed INTEGER NOT NULL, changed_at INTEGER NOT NULL, changed_by TEXT NOT NULL)'

/**
 * `match` and `meaning` (match and content key) are filled when a slow sync first asks for them. `state` of a map row: 0 has it, 1 spared it. `version` is the
 * change number of what the device has; `run` the sync in which it was last heard of or sent.
 */
const SYNC_TABLES = `
CREATE TABLE _nightferry_sync_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE _nightferry_sync_store(store INTEGER PRIMARY KEY, items INTEGER NOT NULL, most INTEGER NOT NULL);
CREATE TABLE _nightferry_sync_item(
  id TEXT PRIMARY KEY, store INTEGER NOT NULL, changed INTEGER NOT NULL, edited_at INTEGER NOT NULL,
  size INTEGER NOT NULL, digest BLOB NOT NULL, match TEXT, meaning TEXT, abilities TEXT NOT NULL, parent TEXT
) WITHOUT ROWID;
CREATE INDEX _nightferry_sync_item_digest ON _nightferry_sync_item(store, digest);
CREATE INDEX _nightferry_sync_item_match ON _nightferry_sync_item(store, match);
CREATE INDEX _nightferry_sync_item_parent ON _nightferry_sync_item(parent) WHERE parent IS NOT NULL;
CREATE TABLE _nightferry_sync_client(
  client INTEGER PRIMARY KEY, device TEXT NOT NULL, uri TEXT NOT NULL, source TEXT NOT NULL,
  last TEXT, previous TEXT,
  run INTEGER NOT NULL DEFAULT 0, type INTEGER, asked_last TEXT, next TEXT,
  started_at INTEGER NOT NULL DEFAULT 0, started_number INTEGER NOT NULL DEFAULT 0,
  merging INTEGER NOT NULL DEFAULT 0, closed INTEGER NOT NULL DEFAULT 0, finished INTEGER NOT NULL DEFAULT 0,
  resend_run INTEGER NOT NULL DEFAULT 0, finished_run INTEGER NOT NULL DEFAULT 0,
  items_at_start INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, max_size INTEGER, filter TEXT,
  abilities TEXT NOT NULL DEFAULT '', evidence INTEGER NOT NULL DEFAULT 0, allow_empty INTEGER NOT NULL DEFAULT 0,
  synced_at INTEGER NOT NULL DEFAULT 0, UNIQUE(device, uri, source)
);
CREATE TABLE _nightferry_sync_map(
  client INTEGER NOT NULL, id TEXT NOT NULL, luid TEXT, version INTEGER NOT NULL, run INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(client, id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX _nightferry_sync_map_luid ON _nightferry_sync_map(client, luid) WHERE luid IS NOT NULL;
CREATE INDEX _nightferry_sync_map_unnamed ON _nightferry_sync_map(client) WHERE luid IS NULL;
CREATE TABLE _nightferry_sync_out(
  client INTEGER NOT NULL, position INTEGER NOT NULL, command TEXT NOT NULL, id TEXT NOT NULL, luid TEXT,
  version INTEGER NOT NULL, store INTEGER NOT NULL, parent TEXT, type TEXT, content, abilities TEXT,
  PRIMARY KEY(client, position)
) WITHOUT ROWID;
CREATE INDEX _nightferry_sync_out_id ON _nightferry_sync_out(id, client);
CREATE TABLE _nightferry_sync_loser(
  loser INTEGER PRIMARY KEY, store INTEGER NOT NULL, id TEXT NOT NULL, at INTEGER NOT NULL, device TEXT NOT NULL,
  reason TEXT NOT NULL, type TEXT NOT NULL, content
);
`

/** Makes an empty copy of Items in a new database. */
export function createItemTables(db: SqlDatabase, position: CopyPosition): void {
  db.transaction(() => {
    createLayout(db, {
      ...position,
      pageSize: PAGE_SIZE,
      encoding: 'UTF-8',
      autoVacuum: 0,
      userVersion: ITEMS_VERSION,
      applicationId: 0,
      journalMode: 'delete',
    })
    for (const store of STORES) db.exec(storeTable(store))
    writeObjects(db, listObjects(db))
    db.exec(SYNC_TABLES)
    db.prepare('INSERT INTO _nightferry_sync_meta(key, value) VALUES(?, ?)').run('version', BigInt(ITEMS_VERSION))
    const store = db.prepare('INSERT INTO _nightferry_sync_store(store, items, most) VALUES(?, 0, 0)')
    STORES.forEach((_, index) => {
      store.run(BigInt(index + 1))
    })
  })
}

/** What an image shall show: everything but tables of ours. */
function listObjects(db: SqlDatabase): SchemaObject[] {
  return db
    .prepare(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema
       WHERE tbl_name NOT LIKE '\\_nightferry\\_%' ESCAPE '\\' ORDER BY rowid`,
    )
    .all()
    .map(([type, name, tableName, sql]) => ({
      type: String(type),
      name: String(name),
      tableName: String(tableName),
      sql: sql === null || sql === undefined ? null : String(sql),
    }))
}

/** @throws {CodedError} `storage.corrupt` if this is no copy of Items, or one of another version. */
export function checkItemTables(db: SqlDatabase): void {
  const held = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_nightferry_sync_meta'").get()
  const version =
    held === undefined
      ? undefined
      : Number(db.prepare("SELECT value FROM _nightferry_sync_meta WHERE key = 'version'").get()?.[0])
  if (version === undefined || !(version >= 1 && version <= ITEMS_VERSION))
    throw new CodedError(
      'storage.corrupt',
      `the copy holds Items of version ${version}, known is up to ${ITEMS_VERSION}`,
    )
}
