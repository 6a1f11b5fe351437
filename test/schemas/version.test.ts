/**
 * What crosses a wire or rests in a file, held against fixtures of its version: a change of a format without a new
 * version in `schemas/version.ts` fails here. A new version gets new fixtures; the old ones stay readable.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { installObservers, reconcileObservers } from '../../device-client/observe/install.ts'
import type { SqlDatabase as DeviceDatabase, SqlValue } from '../../device-client/ports.ts'
import { parseDeliveryMap } from '../../schemas/delivery/deliveryMap.ts'
import type { DeltaHead } from '../../schemas/delta/delta.ts'
import { DeltaReader } from '../../schemas/delta/deltaReader.ts'
import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import { TextBytes } from '../../schemas/delta/value.ts'
import { parseSegmentMap } from '../../schemas/restore/segmentMap.ts'
import {
  COPY_VERSION,
  DELIVERY_MAP_VERSION,
  DELTA_VERSION,
  IMAGE_VERSION,
  ITEMS_VERSION,
  OBSERVER_VERSION,
} from '../../schemas/version.ts'
import { createLayout } from '../../server/backup/copyLayout.ts'
import { openClient, updateClient } from '../../server/items/clientRow.ts'
import { ItemFile } from '../../server/items/itemFile.ts'
import { checkItemTables, createItemTables } from '../../server/items/itemTables.ts'
import { openDatabase } from '../../server/sql/betterSqlite.ts'

const fixtures = join(import.meta.dirname, '../fixtures/format')

/** The fixture's text; NIGHTFERRY_WRITE_FIXTURES writes those of a new version, and only if there are none yet. */
function fixture(name: string, current: string): string {
  const path = join(fixtures, name)
  if (!existsSync(path) && process.env.NIGHTFERRY_WRITE_FIXTURES === '1') writeFileSync(path, current)
  return readFileSync(path, 'utf8')
}

const head: DeltaHead = {
  lineage: '0123456789abcdef0123456789abcdef',
  positions: [
    { number: 4, token: '00000000000000000000000000000004' },
    { number: 6, token: '00000000000000000000000000000006' },
  ],
  database: { pageSize: 4096, encoding: 'UTF-8', autoVacuum: 0, userVersion: 3, applicationId: -1, journalMode: 'wal' },
}

function writeSample(): string {
  const writer = new DeltaWriter()
  return [
    writer.head(head),
    writer.schema(
      [
        { type: 'table', name: 't', tableName: 't', sql: 'CREATE TABLE t(a,b)', rows: 'keep', was: 's' },
        { type: 'index', name: 'sqlite_autoindex_t_1', tableName: 't', sql: null },
        { type: 'view', name: 'v<&>', tableName: 'v<&>', sql: 'CREATE VIEW "v<&>" AS SELECT 1' },
      ],
      2,
    ),
    writer.table({ name: 't', key: 'rowid', columns: ['a', 'b'], clear: false }),
    writer.touched([7n]),
    writer.touched([9223372036854775807n]),
    writer.put([7n, 'text \u0000 ]]>', new Uint8Array([1, 2])]),
    writer.table({ name: 'i', key: 'rowid', rowidColumn: 'id', columns: ['id', 'x'], clear: true }),
    writer.put([1n, 1]),
    writer.put([2n, -0]),
    writer.put([3n, Number.POSITIVE_INFINITY]),
    writer.put([4n, 0.1]),
    writer.put([5n, new TextBytes(new Uint8Array([255]))]),
    writer.table({ name: 'w', key: ['k', 'l'], columns: ['k', 'l', 'm'], clear: false }),
    writer.touched(['a', null]),
    writer.table({ name: 'n', key: 'none', columns: ['x'], clear: true }),
    writer.put([9007199254740993n]),
    writer.end(),
  ].join('')
}

describe('versions of formats', () => {
  it('[WF-14] the Delta is the one of its version', () => {
    const text = writeSample()
    expect(text).toBe(fixture(`delta-${DELTA_VERSION}.xml`, text))
  })

  it('[WF-14] Deltas of all versions can be read', () => {
    const reader = new DeltaReader()
    const text = readFileSync(join(fixtures, 'delta-1.xml'))
    const events = [...reader.push(text), ...reader.close()]
    expect(events.map((event) => event.kind).join(' ')).toBe(
      'head schema table touched touched put table put put put put put table touched table put end',
    )
  })

  it('[BK-1] the tables of a copy are those of its version', () => {
    const database = openDatabase(':memory:', { cipher: { kind: 'none' } })
    createLayout(database, { lineage: head.lineage, number: 1, token: head.lineage, ...head.database })
    const schema = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all()
    const keys = database.prepare('SELECT key FROM _nightferry_copy_meta ORDER BY key').all()
    const text = `${[...schema, ...keys].flat().join('\n')}\n`
    expect(text).toBe(fixture(`copy-${COPY_VERSION}.txt`, text))
    database.close()
  })

  it('[IT-1] the tables of Items are those of their version', () => {
    const database = openDatabase(':memory:', { cipher: { kind: 'none' } })
    createItemTables(database, { lineage: head.lineage, number: 0, token: head.lineage })
    const schema = database.prepare('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid').all()
    const text = `${schema.flat().join('\n')}\n`
    expect(text).toBe(fixture(`items-${ITEMS_VERSION}.txt`, text))
    database.close()
  })

  it('[IT-1] a copy of Items of version 1 is written on as it is', () => {
    const database = openDatabase(':memory:', { cipher: { kind: 'none' } })
    for (const sql of readFileSync(join(fixtures, 'items-1.txt'), 'utf8').split(/\n(?=CREATE )/)) database.exec(sql)
    const version = database.prepare("INSERT INTO _nightferry_sync_meta(key, value) VALUES('version', ?)")
    version.run(1n)
    expect(() => checkItemTables(database)).not.toThrow()
    const file = new ItemFile(database, '')
    const { client } = openClient(file, { deviceId: 'phone', uri: './contacts', sourceUri: './c' })
    updateClient(file, client, { last: 'B', previous: 'A', next: 'C', finished: true })
    const held = openClient(file, { deviceId: 'phone', uri: './contacts', sourceUri: './c' })
    expect(held).toMatchObject({ client, last: 'B', previous: 'A', finished: true })
    database.prepare("UPDATE _nightferry_sync_meta SET value = 3 WHERE key = 'version'").run()
    expect(() => checkItemTables(database)).toThrow(/version 3/)
    database.close()
  })

  it('[DC-1] the observers are those of their version', () => {
    const driver = new Database(':memory:')
    driver.defaultSafeIntegers(true)
    driver.exec(
      'CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); CREATE UNIQUE INDEX i ON t(lower(b)) WHERE b>1; CREATE TABLE w(k, l, PRIMARY KEY(k, l)) WITHOUT ROWID; CREATE TABLE r(x TEXT PRIMARY KEY)',
    )
    const state = reconcileObservers(portOf(driver), installObservers(portOf(driver)))
    const schema = driver
      .prepare(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name LIKE '!_nightferry!_%' ESCAPE '!' ORDER BY rowid",
      )
      .pluck()
      .all()
    const text = `${schema.join('\n')}\n${Object.keys(state).sort().join('\n')}\n`
    expect(text).toBe(fixture(`observers-${OBSERVER_VERSION}.txt`, text))
    driver.close()
  })

  it('[WF-21] a SegmentMap of each version can be read', () => {
    const image = { imageId: 'a3f1', database: 'app', createdAt: 1_700_000_000_000 }
    const content = {
      sizeBytes: 4096,
      sha256: 'ab'.repeat(32),
      segments: [{ number: 0, sizeBytes: 1000, sha256: 'cd'.repeat(32) }],
    }
    const first = { version: 1, ...image, compression: 'gzip', ...content }
    const second = { version: IMAGE_VERSION, ...image, compression: 'zstd', rangeBytes: 2_097_152, ...content }
    const text = `${JSON.stringify(second, null, 1)}\n`
    expect(text).toBe(fixture(`segment-map-${IMAGE_VERSION}.json`, text))
    for (const [version, map] of [
      [1, first],
      [2, second],
    ] as const) {
      const held = readFileSync(join(fixtures, `segment-map-${version}.json`), 'utf8')
      expect(parseSegmentMap(JSON.parse(held))).toEqual(map)
    }
  })
})

describe('the map of a Delivery', () => {
  it('[WF-40] of its version can be read', () => {
    const map = {
      version: DELIVERY_MAP_VERSION,
      ...{ deliveryId: 'd1', dataSetId: 'a3f1', segmentMap: 'ab'.repeat(32), serverId: 'nightferry-1' },
      validationKey: { kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'k', alg: 'EdDSA' },
      ...{ revision: 2, isFinal: false, createdAt: 1_700_000_000_000, strategy: 'shortestTime' },
      characteristics: {
        ...{ sizeBytes: 3000, objects: 1, segments: 3, smallestBytes: 1000, largestBytes: 1000 },
        ...{ types: { database: 3000 }, priorities: { 5: 3000 } },
      },
      devices: ['phone', 'tablet'],
      assignments: [
        { deviceId: 'phone', linkId: 'wifi', segments: [[0, 2]] },
        { deviceId: 'tablet', linkId: 'cell', segments: [[2, 3]] },
      ],
    }
    const text = `${JSON.stringify(map, null, 1)}\n`
    expect(text).toBe(fixture(`delivery-map-${DELIVERY_MAP_VERSION}.json`, text))
    expect(parseDeliveryMap(JSON.parse(text))).toEqual(map)
    for (const wrong of [
      { ...map, version: 2 },
      { ...map, more: 1 },
      { ...map, isFinal: 0 },
    ])
      expect(() => parseDeliveryMap(wrong)).toThrow(/no map of a Delivery/)
  })
})

function portOf(driver: InstanceType<typeof Database>): DeviceDatabase {
  return {
    exec: (sql) => void driver.exec(sql),
    prepare: (sql) => {
      const statement = driver.prepare(sql)
      if (statement.reader) statement.raw(true)
      return {
        run: (...params) => void statement.run(...params),
        get: (...params) => statement.get(...params) as SqlValue[] | undefined,
        all: (...params) => statement.all(...params) as SqlValue[][],
        iterate: (...params) => statement.iterate(...params) as IterableIterator<SqlValue[]>,
      }
    },
    close: () => driver.close(),
  }
}
