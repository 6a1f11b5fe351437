/** Which definitions of a device become real here. */

import { describe, expect, it } from 'vitest'
import { checkIndex, checkTable } from '../../../server/backup/checkDefinition.ts'

const ENDLESS = 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c'

describe('tables', () => {
  it.each([
    ['t', 'CREATE TABLE t(a, b)'],
    ['a "b🎉', 'CREATE TABLE "a ""b🎉"(a PRIMARY KEY, b UNIQUE) WITHOUT ROWID'],
    ['t', 'CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT DEFAULT (datetime()), c AS (a + 1) STORED)'],
    ['t', 'CREATE TABLE t(a REFERENCES nowhere(b), FOREIGN KEY(a) REFERENCES u)'],
  ])('[BK-6] %s by %s is accepted', (name, sql) => {
    expect(checkTable(sql, name)).toEqual({ ok: true, standIns: [] })
  })

  it('[BK-6] functions that only checks use get a stand-in', () => {
    const verdict = checkTable('CREATE TABLE t(a CHECK (foo(a) AND "bar"(a, 1)))', 't')
    expect(verdict.ok && [...verdict.standIns].sort()).toEqual(['bar', 'foo'])
  })

  it.each([
    ['a second statement', 'CREATE TABLE t(a); DROP TABLE t'],
    ['another statement', "ATTACH 'x' AS y"],
    ['a query that never ends', `CREATE TABLE t AS ${ENDLESS}`],
    ['a query', 'CREATE TABLE t AS SELECT 1 AS a'],
    ['a virtual table', 'CREATE VIRTUAL TABLE t USING fts5(a)'],
    ['a temporary table', 'CREATE TEMP TABLE t(a)'],
    ['another name', 'CREATE TABLE u(a)'],
    ['the name in another case', 'CREATE TABLE T(a)'],
    ['a name with its schema', 'CREATE TABLE main.t(a)'],
    ['text after the end', 'CREATE TABLE t(a) -- more'],
    ['an unknown collation', 'CREATE TABLE t(a COLLATE unknown)'],
    ['an unknown function in a column', 'CREATE TABLE t(a, b AS (foo(a)))'],
    ['a double-quoted string', 'CREATE TABLE t(a CHECK (a <> "x"))'],
    ['an octet that is no text', 'CREATE TABLE t(a /* \uFFFD */)'],
    ['a NUL', 'CREATE TABLE t(a)\0'],
    ['a lone surrogate', 'CREATE TABLE t(a /* \ud800 */)'],
    ['no SQL', 'CREATE TABLE t('],
    ['too much', `CREATE TABLE t(a ${' '.repeat(1_000_000)})`],
  ])('[BK-6] %s is refused with a reason', (_name, sql) => {
    const verdict = checkTable(sql, 't')
    expect(verdict.ok).toBe(false)
    expect(verdict.ok || verdict.reason.length > 10).toBe(true)
  })

  it.each(['_nightferry_state', '_NIGHTFERRY_x', 'sqlite_stat1'])('[BK-7] %s is refused', (name) => {
    expect(checkTable(`CREATE TABLE ${name}(a)`, name).ok).toBe(false)
  })
})

describe('indexes', () => {
  const check = (sql: string) => checkIndex(sql, 'i', 't', 'CREATE TABLE t(a, b CHECK (foo(b)))')

  it.each([
    'CREATE INDEX i ON t(a)',
    "CREATE UNIQUE INDEX i ON t(a DESC, lower(b) COLLATE NOCASE) WHERE b > 'x' AND json_extract(a, '$.x') IS NOT NULL",
  ])('[BK-6] %s is accepted', (sql) => {
    expect(check(sql)).toEqual({ ok: true, standIns: [] })
  })

  it.each([
    'CREATE INDEX i ON t(bar(a))',
    'CREATE INDEX i ON t(foo(a))',
    'CREATE INDEX i ON t(a COLLATE unknown)',
    'CREATE INDEX i ON t("no column")',
    'CREATE INDEX i ON u(a)',
    'CREATE INDEX j ON t(a)',
    'CREATE INDEX i ON t(a); DROP TABLE t',
    'CREATE INDEX IF NOT EXISTS i ON t(a)',
  ])('[BK-6] %s is refused', (sql) => {
    expect(check(sql).ok).toBe(false)
  })
})
