/** Rows of tables as items, between two databases through our own server. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDeviceDatabase } from '../../../device-client/node/betterSqlite.ts'
import { openTableSource } from '../../../device-client/sync/tableSource.ts'
import { decodeUtf8, encodeUtf8 } from '../../../schemas/utf8.ts'
import { type ItemServer, openItemServer } from '../../support/itemPeer.ts'
import { SyncFolder } from '../../support/syncFolder.ts'

let folder = ''
let server: ItemServer
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-table-'))
  server = await openItemServer()
})
afterEach(async () => {
  expect(server.server.errors).toEqual([])
  await server.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Side {
  readonly sync: SyncFolder['sync']
  sql(text: string): unknown[]
}

/** A database with this table, in sync with the notes of the server. */
function side(name: string, schema: string): Side {
  const path = join(folder, `${name}.db`)
  const db = new Database(path)
  db.exec(schema)
  const device = new SyncFolder(server.server, `dev-${name}`, {
    ...{ app: 'records', remote: './notes' },
    openSource: () => openTableSource(openDeviceDatabase(path), 'task'),
  })
  return {
    sync: (options) => device.sync(options),
    sql: (text) => (/^select/i.test(text) ? db.prepare(text).raw().all() : [db.exec(text)]),
  }
}

describe('tables with keys of their own', () => {
  const schema = 'CREATE TABLE task(id INTEGER PRIMARY KEY, title TEXT, done INTEGER, weight REAL, picture BLOB)'
  const rows = 'SELECT title, done, weight, hex(picture) FROM task ORDER BY title'

  it('[DC-69] hold the same rows, every value of its class', async () => {
    const [one, two] = [side('one', schema), side('two', schema)]
    one.sql("INSERT INTO task VALUES (5, 'a', 1, 2.0, x'00ff'), (9, 'b', 9007199254740993, NULL, NULL)")
    two.sql("INSERT INTO task VALUES (5, 'c', 0, -0.5, NULL)")
    for (const each of [one, two, one]) await each.sync()
    expect(one.sql(rows)).toEqual(two.sql(rows))
    expect(one.sql('SELECT title, typeof(weight), CAST(done AS TEXT) FROM task ORDER BY title')).toEqual([
      ['a', 'real', '1'],
      ['b', 'null', '9007199254740993'],
      ['c', 'real', '0'],
    ])
    one.sql("UPDATE task SET done = 7 WHERE title = 'c'")
    two.sql("DELETE FROM task WHERE title = 'a'")
    for (const each of [one, two, one]) await each.sync()
    expect(one.sql(rows)).toEqual(two.sql(rows))
    expect(one.sql('SELECT title, done FROM task WHERE done = 7')).toEqual([['c', 7]])
    const idle = await one.sync()
    expect([idle.sent, idle.received].map(({ added, replaced, deleted }) => added + replaced + deleted)).toEqual([0, 0])
  })

  it('[DC-69] a column that the other side lacks keeps its value', async () => {
    const [one, two] = [side('one', schema), side('two', 'CREATE TABLE task(id INTEGER PRIMARY KEY, title TEXT)')]
    one.sql("INSERT INTO task VALUES (1, 'a', 1, NULL, NULL)")
    for (const each of [one, two]) await each.sync()
    two.sql("UPDATE task SET title = 'renamed'")
    for (const each of [two, one]) await each.sync()
    expect(one.sql('SELECT title, done FROM task')).toEqual([['renamed', 1]])
    expect((await two.sync()).sent).toEqual({ added: 0, replaced: 0, deleted: 0 })
  })

  it('[DC-65] a row that was changed here meanwhile is kept beside the new one', async () => {
    const one = side('one', schema)
    one.sql("INSERT INTO task(id, title) VALUES (1, 'a')")
    const source = openTableSource(openDeviceDatabase(join(folder, 'one.db')), 'task')
    const { digests } = await source.scan()
    one.sql("UPDATE task SET title = 'mine'")
    const theirs = source.asKept(encodeUtf8('{"title": "theirs", "done": 3}'))
    expect(await source.replace('1', theirs, digests.get('1'))).toEqual({ kind: 'kept-both', luid: '2' })
    expect(one.sql('SELECT id, title, done FROM task')).toEqual([
      [1, 'theirs', 3],
      [2, 'mine', null],
    ])
    expect(await source.remove('1', digests.get('1') ?? '')).toBe('changed')
    await source.close()
  })
})

describe('tables with text keys', () => {
  const schema = 'CREATE TABLE task(key TEXT PRIMARY KEY, title TEXT UNIQUE) WITHOUT ROWID'

  it('[DC-69] the key is part of the row, and what the table refuses fails alone', async () => {
    const [one, two] = [side('one', schema), side('two', schema)]
    one.sql("INSERT INTO task VALUES ('k1', 'a'), ('k2', 'b')")
    two.sql("INSERT INTO task VALUES ('k3', 'b')")
    await one.sync()
    expect(await two.sync()).toMatchObject({ received: { added: 1 }, failedCount: 1 })
    expect(two.sql('SELECT key, title FROM task ORDER BY key')).toEqual([
      ['k1', 'a'],
      ['k3', 'b'],
    ])
  })

  it('[DC-65] there cannot be two of a key: the local change stays', async () => {
    const one = side('one', schema)
    one.sql("INSERT INTO task VALUES ('k1', 'mine')")
    const source = openTableSource(openDeviceDatabase(join(folder, 'one.db')), 'task')
    const octets = source.asKept(encodeUtf8('{"key": "k1", "title": "theirs"}'))
    expect(await source.replace('k1', octets, 'another digest')).toEqual({ kind: 'refused' })
    expect(decodeUtf8((await source.read('k1')) ?? new Uint8Array())).toBe('{"key":"k1","title":"mine"}')
    await source.close()
  })
})

it('[DC-69] other tables and other contents are refused', async () => {
  const path = join(folder, 'other.db')
  new Database(path)
    .exec(
      'CREATE TABLE keyless(x); CREATE TABLE two(a, b, PRIMARY KEY(a, b)); CREATE TABLE t(id INTEGER PRIMARY KEY, x)',
    )
    .close()
  const open = (table: string) => openTableSource(openDeviceDatabase(path), table)
  expect(() => open('keyless')).toThrowError(expect.objectContaining({ code: 'config.invalid' }))
  expect(() => open('two')).toThrowError(expect.objectContaining({ code: 'config.invalid' }))
  expect(() => open('missing')).toThrowError(expect.objectContaining({ code: 'database.unknown' }))
  const source = open('t')
  for (const text of ['', 'no json', '[]', 'null', '{"x": {"z": 1}}', '{"x": 9007199254740993}']) {
    expect(() => source.asKept(encodeUtf8(text))).toThrowError(expect.objectContaining({ code: 'content.invalid' }))
  }
  await source.close()
})
