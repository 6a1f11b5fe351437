/** The sql.js adapter: exact values in and out, as the engine's extraction needs them. */

import initSqlJs, { type SqlJsStatic } from 'sql.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { writePlaceholders } from '../../../device-client/browser/exactBinding.ts'
import { createSqlJsImager, createSqlJsOpener, wrapSqlJs } from '../../../device-client/browser/sqlJs.ts'
import type { SqlValue } from '../../../device-client/ports.ts'
import fc from '../../support/properties.ts'

let sqlJs: SqlJsStatic
beforeAll(async () => {
  sqlJs = await initSqlJs()
})

const value: fc.Arbitrary<SqlValue> = fc.oneof(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -(2n ** 31n) - 2n, max: 2n ** 31n + 2n }),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1, -1, 2 ** 31, Infinity, -Infinity),
  fc.string(),
  fc.constantFrom('a\0b', '?', "it's"),
  fc.uint8Array({ maxLength: 20 }),
)

const classOf = (of: SqlValue) => {
  if (of === null) return 'null'
  if (typeof of === 'bigint') return 'integer'
  if (typeof of === 'number') return 'real'
  return typeof of === 'string' ? 'text' : 'blob'
}

describe('sql.js as the port', () => {
  it('[DC-25] every value keeps its storage class and its bits', () => {
    const database = wrapSqlJs(new sqlJs.Database())
    database.exec('CREATE TABLE t(a, b)')
    const insert = database.prepare('INSERT INTO t VALUES (?, ?)')
    const read = database.prepare('SELECT a, b, typeof(a), typeof(b) FROM t')
    const clear = database.prepare('DELETE FROM t')
    fc.assert(
      fc.property(value, value, (a, b) => {
        clear.run()
        insert.run(a, b)
        const [row] = read.all()
        expect(row?.slice(2)).toEqual([classOf(a), classOf(b)])
        expect(row?.slice(0, 2)).toStrictEqual([a, b])
      }),
      { numRuns: 500 },
    )
    database.close()
  })

  it('[DC-25] a bound value compares as a bare parameter does: without affinity', () => {
    const database = wrapSqlJs(new sqlJs.Database())
    database.exec("CREATE TABLE t(v); INSERT INTO t VALUES (5000000000), ('5000000000'), (5000000000.0), (7.0), ('7')")
    const count = database.prepare('SELECT count(*) FROM t WHERE v = ?')
    expect(count.get(5_000_000_000n)).toEqual([2n])
    expect(count.get('5000000000')).toEqual([1n])
    expect(count.get(7)).toEqual([1n])
    database.close()
  })

  it('[DC-25] question marks in strings, names and comments are left alone', () => {
    const sql = `SELECT '?', "a?", [b?], \`c?\`, ? -- ?\n, /* ? */ ? FROM t`
    expect(writePlaceholders(sql, ['i', '?'])).toBe(
      `SELECT '?', "a?", [b?], \`c?\`, +CAST(? AS INTEGER) -- ?\n, /* ? */ ? FROM t`,
    )
  })

  it('rows come one by one; a loop left early leaves the statement usable, also after an export', () => {
    const raw = new sqlJs.Database()
    const database = wrapSqlJs(raw)
    database.exec('CREATE TABLE t(v); INSERT INTO t VALUES (1),(2),(3)')
    const statement = database.prepare('SELECT v FROM t WHERE v >= ? ORDER BY v')
    for (const [first] of statement.iterate(2n)) {
      expect(first).toBe(2n)
      break
    }
    raw.export()
    expect(statement.all(2n)).toEqual([[2n], [3n]])
    expect(statement.get(9n)).toBeUndefined()
    database.close()
    expect(raw.exec('SELECT count(*) FROM t')[0]?.values).toEqual([[3]])
  })

  it('[DC-22] an image holds the database without our own objects', async () => {
    const raw = new sqlJs.Database()
    raw.exec(`CREATE TABLE t(v); INSERT INTO t VALUES ('kept'); CREATE TABLE _nightferry_change(note);
      INSERT INTO _nightferry_change VALUES ('a-note-of-the-observer');
      CREATE TRIGGER _nightferry_1 AFTER INSERT ON t BEGIN INSERT INTO _nightferry_change VALUES (1); END`)
    const databases = new Map([['app', raw]])
    const image = await createSqlJsImager(sqlJs, databases).take('app')
    const chunks: Uint8Array[] = []
    for await (const chunk of image.read()) chunks.push(chunk)
    const octets = Buffer.concat(chunks)
    expect(octets.length).toBe(image.sizeBytes)
    expect(octets.includes('a-note-of-the-observer')).toBe(false)
    const copy = new sqlJs.Database(octets)
    expect(copy.exec('SELECT name FROM sqlite_schema')[0]?.values).toEqual([['t']])
    expect(raw.exec('SELECT count(*) FROM sqlite_schema')[0]?.values).toEqual([[3]])
  })

  it('a name the page does not know is database.unknown', () => {
    expect(() => createSqlJsOpener(new Map()).open('app')).toThrow(
      expect.objectContaining({ code: 'database.unknown' }),
    )
  })
})
