/** Digests tell rows apart exactly where SQLite does, and blocks cover every row once. */

import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { type ComparedTable, readComparedTable } from '../../../schemas/verify/comparedTable.ts'
import { cutBlocks, type DigestParts, digestRange, digestRow, readRange } from '../../../schemas/verify/digestRows.ts'
import { digestSchema } from '../../../schemas/verify/schemaDigest.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import fc from '../../support/properties.ts'

const ALL = { after: null, upTo: null }
const sha256 = () => {
  const hash = createHash('sha256')
  return { update: (bytes: Uint8Array) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

function open(sql: string): { parts: DigestParts; table: ComparedTable; exec(sql: string): void } {
  const db = openDatabase(':memory:', { cipher: { kind: 'none' }, create: true })
  db.exec(sql)
  const table = readComparedTable(db, 't')
  if (table === undefined) throw new Error('no table')
  const encoding = String(db.pragma('encoding')) as DigestParts['encoding']
  return { parts: { db, encoding, createDigest: sha256 }, table, exec: db.exec }
}

const digestOf = (sql: string): string => {
  const { parts, table } = open(sql)
  return digestRange(parts, table, ALL).digest
}

it('[WF-81] values that differ in class or octets have other digests, and only they', () => {
  const values = `NULL 0 1 1.0 -1 -0.0 0.0 1e999 -1e999 9007199254740993 9007199254740992 '' X'' '1' X'31' 'a' 'A' 'ä'
    CAST(X'FF' AS TEXT) CAST(X'610062' AS TEXT) X'610062' 'a'||char(0) 0.1 '0.1'`.split(/\s+/)
  const parts = values.join('\n').replace("CAST(X'FF'\nAS\nTEXT)", "CAST(X'FF' AS TEXT)")
  const all = parts.replace("CAST(X'610062'\nAS\nTEXT)", "CAST(X'610062' AS TEXT)").split('\n')
  const digests = all.map((value) =>
    digestOf(`CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(1, ${value})`),
  )
  expect(new Set(digests).size).toBe(all.length)
  expect(digestOf("CREATE TABLE t(a PRIMARY KEY, b, c); INSERT INTO t VALUES('ab','c','')")).not.toBe(
    digestOf("CREATE TABLE t(a PRIMARY KEY, b, c); INSERT INTO t VALUES('a','bc','')"),
  )
})

it('[WF-82] a block of one row has that row as its digest; rows without a key have no order', () => {
  const { parts, table } = open("CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES(7, 'x')")
  const [row] = [...readRange(parts, table, ALL)].map(({ octets }) => digestRow(parts, octets))
  expect(digestRange(parts, table, ALL)).toMatchObject({ rows: 1, digest: row })
  const keyless = (rows: string): string =>
    digestOf(`CREATE TABLE t(rowid, _rowid_, oid); INSERT INTO t VALUES ${rows}`)
  expect(keyless('(1,2,3),(4,5,6)')).toBe(keyless('(4,5,6),(1,2,3)'))
  expect(keyless('(1,2,3),(1,2,3)')).not.toBe(keyless('(4,5,6),(4,5,6)'))
  expect(keyless('(1,2,3)')).not.toBe(keyless('(1,2,3),(1,2,3)'))
})

const SHAPES = [
  'CREATE TABLE t(k INTEGER PRIMARY KEY, v)',
  'CREATE TABLE t(k, v)',
  'CREATE TABLE t(k, v, PRIMARY KEY(k)) WITHOUT ROWID',
  'CREATE TABLE t(k TEXT, v, g AS (v||k), PRIMARY KEY(k COLLATE NOCASE)) WITHOUT ROWID',
  "PRAGMA encoding='UTF-16le'; CREATE TABLE t(k TEXT, v, PRIMARY KEY(v, k)) WITHOUT ROWID",
] as const

it('[WF-83] whatever the blocks, they cover every row once, and another reader finds the same digests', () => {
  const rows = fc.uniqueArray(fc.integer({ min: -50, max: 5000 }), { maxLength: 80 })
  fc.assert(
    fc.property(
      fc.constantFrom(...SHAPES),
      rows,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 90 }),
      (sql, keys, size, most) => {
        const { parts, table, exec } = open(sql)
        for (const key of keys) exec(`INSERT INTO t(k,v) VALUES(${key}, 'row ${key}')`)
        let after: Parameters<typeof readRange>[2]['after'] = null
        let covered = 0
        for (;;) {
          const cut = cutBlocks(parts, table, [{ after, upTo: null }], size, { rows: most, blocks: 10, bytes: 10_000 })
          for (const block of cut.ranges[0] ?? []) {
            const { rows: found, digest } = digestRange(parts, table, { after, upTo: block.upTo })
            expect({ rows: found, digest }).toEqual({ rows: block.rows, digest: block.digest })
            covered += found
            after = block.upTo
          }
          if (cut.whole) break
        }
        expect(covered).toBe(keys.length)
      },
    ),
  )
})

it('[WF-84] the digest of a schema tells order and every text', () => {
  const object = { type: 'table', name: 't', tableName: 't', sql: 'CREATE TABLE t(a)' } as const
  const other = { ...object, name: 'u', tableName: 'u', sql: 'CREATE TABLE u(a)' }
  const digests = [[object, other], [other, object], [object], [{ ...object, sql: 'CREATE TABLE t(a )' }, other], []]
  expect(new Set(digests.map((objects) => digestSchema(objects, sha256()))).size).toBe(digests.length)
})
