/**
 * What a night costs follows what changed, not how large the database is: the same changes in a small and in a large
 * one, on the device and on the server's encrypted copy. Octets read are those the system counts for this thread, and
 * SQLite reads here without a memory map; the plans of all statements are SQLite's own.
 */

import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { openDeviceDatabase } from '../../device-client/node/betterSqlite.ts'
import { takeFileImage } from '../../device-client/node/fileImage.ts'
import { readFootprint } from '../../device-client/node/footprint.ts'
import { Tracker } from '../../device-client/observe/tracker.ts'
import type { SqlDatabase as DeviceDatabase } from '../../device-client/ports.ts'
import { applyDelta } from '../../server/backup/applyDelta.ts'
import { importFile } from '../../server/backup/importFile.ts'
import { openCopyToWrite } from '../../server/backup/openCopy.ts'
import type { SqlDatabase } from '../../server/sql/sqlDatabase.ts'
import { readEvents } from '../support/lifeNight.ts'
import { makeMemoryFolder } from '../support/memoryFolder.ts'

const SMALL_ROWS = 1500
const LARGE_ROWS = 45_000
const BODY = 1000

const SETUP = `PRAGMA journal_mode=WAL;
CREATE TABLE item(id INTEGER PRIMARY KEY, uid TEXT UNIQUE, kind INTEGER, body TEXT);
CREATE INDEX item_kind ON item(kind);
CREATE TABLE label(uid TEXT, name TEXT, body TEXT, PRIMARY KEY(uid, name)) WITHOUT ROWID;
CREATE TABLE plain(a, b);
CREATE INDEX plain_a ON plain(a);`

const fill = (rows: number): string => `
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<${rows})
INSERT INTO item SELECT i, printf('uid %08d', i), i%50, printf('%.*c', ${BODY}, 'x') FROM n;
INSERT INTO label SELECT uid, 'a', body FROM item WHERE id%4=0;
INSERT INTO plain SELECT id, body FROM item WHERE id%4=1;`

/** 20 rows each are changed, removed and made, the same ones whatever the size. */
const CHANGES = `UPDATE item SET body='new', kind=60 WHERE id BETWEEN 100 AND 119;
DELETE FROM item WHERE id BETWEEN 200 AND 219;
INSERT INTO item(uid, kind, body) SELECT 'made '||id, 1, 'b' FROM item WHERE id BETWEEN 300 AND 319;
INSERT OR REPLACE INTO item(id, uid, kind) VALUES (400, 'uid 00000500', 2);
UPDATE label SET body='new' WHERE uid BETWEEN 'uid 00000600' AND 'uid 00000640';
DELETE FROM label WHERE uid BETWEEN 'uid 00000700' AND 'uid 00000740';
UPDATE plain SET b='new' WHERE a BETWEEN 800 AND 840;`

interface Night {
  readonly deviceReads: number
  readonly serverReads: number
  readonly sizeBytes: number
  readonly device: Plans
  readonly server: Plans
}

/** What each statement that ran visits, as SQLite plans it. */
type Plans = ReadonlyMap<string, readonly string[]>

/** Octets this thread has read so far, from page cache or disk. */
function octetsRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/thread-self/io', 'utf8'))?.[1])
}

/** Notes the text of every statement. */
function recording<T extends DeviceDatabase | SqlDatabase>(database: T, texts: Set<string>): T {
  return new Proxy(database, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        if ((name === 'exec' || name === 'prepare') && typeof args[0] === 'string') texts.add(args[0])
        return Reflect.apply(value, target, args) as unknown
      }
    },
  })
}

/** Statements that name no rows have no plan. */
const PLANLESS = /^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA)\b/i

interface Plannable {
  prepare(sql: string): { all(): readonly (readonly unknown[])[] }
}

function plansOf(database: Plannable, texts: Iterable<string>): Plans {
  const plans = new Map<string, string[]>()
  for (const text of texts) {
    if (PLANLESS.test(text)) continue
    // A plan does not depend on the values, and needs none.
    const rows = database.prepare(`EXPLAIN QUERY PLAN ${text.replaceAll(/\?\d*/g, 'NULL')}`).all()
    plans.set(
      text,
      rows.map((row) => String(row[3])),
    )
  }
  return plans
}

/** Statements that visit a table of the user from end to end; those that stop after a bound of the Delta's size do not. */
function scansOf(plans: Plans): string[] {
  const scan = /\bSCAN (item|label|plain|_nightferry_row)\b/
  return [...plans]
    .filter(([text, plan]) => plan.some((line) => scan.test(line)) && !/LIMIT \d+\)?$/.test(text))
    .map(([text]) => text)
}

async function runNight(rows: number): Promise<Night> {
  const dir = makeMemoryFolder('nightferry-cost-')
  try {
    const path = join(dir, 'app.db')
    const app = new Database(path)
    app.pragma('synchronous=OFF')
    app.exec(SETUP)
    app.exec(fill(rows))
    app.pragma('wal_checkpoint(TRUNCATE)')
    app.close()
    const texts = new Set<string>()
    const open = () => recording(openDeviceDatabase(path), texts)
    new Database(join(dir, 'picture.db')).close()
    const picture = openDeviceDatabase(join(dir, 'picture.db'))
    const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) }
    const tracker = new Tracker({ open, picture, random, method: 'triggers', footprint: () => readFootprint(path) })
    tracker.install()
    const copy = await firstBackup(tracker, path, dir)
    const user = new Database(path)
    user.pragma('recursive_triggers=OFF')
    user.exec(CHANGES)
    user.pragma('wal_checkpoint(TRUNCATE)')
    user.close()

    texts.clear()
    const deviceBefore = octetsRead()
    const prepared = tracker.prepareDelta()
    if (typeof prepared === 'string') throw new Error(`the night was ${prepared}`)
    const text = [...prepared.pieces()].join('')
    const backup = prepared.finish()
    backup.markSent()
    const serverBefore = octetsRead()
    const applied = await apply(copy, text)
    const deviceAgain = octetsRead()
    backup.acknowledge()
    const deviceReads = octetsRead() - deviceAgain + (serverBefore - deviceBefore)
    const reader = openDeviceDatabase(path)
    const device = plansOf(reader, texts)
    reader.close()
    picture.close()
    return { deviceReads, ...applied, device, sizeBytes: rows * BODY }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

interface Copy {
  readonly path: string
  readonly keyHex: string
}

async function firstBackup(tracker: Tracker, path: string, dir: string): Promise<Copy> {
  const { position, lineage } = tracker.prepareFull()
  const image = await takeFileImage(path, dir)
  const database = image.open()
  const backup = tracker.describeImage({ database, journalMode: image.journalMode }, lineage, position)
  database.close()
  const copy = { path: join(dir, 'copy.db'), keyHex: randomBytes(32).toString('hex') }
  const target = { copyPath: copy.path, copyKey: copy.keyHex, position: { lineage, ...position } }
  const { kind } = await importFile(target, image.read())
  await image.dispose()
  expect(kind).toBe('sql')
  backup?.acknowledge()
  return copy
}

async function apply({ path, keyHex }: Copy, text: string): Promise<{ serverReads: number; server: Plans }> {
  const texts = new Set<string>()
  const before = octetsRead()
  const copy = openCopyToWrite(path, keyHex, false)
  await applyDelta(recording(copy, texts), readEvents(text))
  copy.close()
  const serverReads = octetsRead() - before
  const again = openCopyToWrite(path, keyHex, false)
  const server = plansOf(again, texts)
  again.close()
  return { serverReads, server }
}

describe.skipIf(process.platform !== 'linux')('[DC-29] a night of the same changes', () => {
  let small: Night
  let large: Night
  beforeAll(async () => {
    small = await runNight(SMALL_ROWS)
    large = await runNight(LARGE_ROWS)
  }, 120_000)

  it('reads no more of a database thirty times as large, but a level of its trees', () => {
    expect(large.sizeBytes).toBe(30 * small.sizeBytes)
    // Some 150 rows in some 400 places of trees, each of which may be one page higher. A scan would read 45 MB.
    expect(large.deviceReads).toBeLessThan(1.5 * small.deviceReads)
    expect(large.serverReads).toBeLessThan(2 * small.serverReads)
  })

  it('visits no table from end to end, on the device or on the server', () => {
    expect(large.device.size).toBeGreaterThan(10)
    expect(large.server.size).toBeGreaterThan(5)
    expect(scansOf(large.device)).toEqual([])
    expect(scansOf(large.server)).toEqual([])
  })

  it('would be noticed if it did', () => {
    const database = new Database(':memory:')
    database.exec(SETUP)
    const prepare = (sql: string) => ({ all: () => database.prepare(sql).raw().all() as unknown[][] })
    const texts = ['SELECT count(*) FROM item', "DELETE FROM label WHERE name='a'", 'SELECT * FROM item WHERE id=1']
    expect(scansOf(plansOf({ prepare }, texts))).toEqual(texts.slice(0, 2))
    database.close()
  })
})
