/** The agent's SQLite adapter on real files, with other connections as the application. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDeviceDatabase } from '../../../device-client/node/betterSqlite.ts'

let directory = ''
let path = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nightferry-sqlite-'))
  path = join(directory, 'app.db')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function application(sql: string): InstanceType<typeof Database> {
  const driver = new Database(path)
  driver.exec(sql)
  return driver
}

describe('the device database', () => {
  it('[DC-21] keeps storage classes apart: 1 and 1.0, integers beyond 2^53, NUL in text, empty BLOB and NULL', () => {
    application('CREATE TABLE t(v)').close()
    const database = openDeviceDatabase(path)
    const values = [1n, 1.5, 9007199254740993n, -(2n ** 63n), 'a\0b', new Uint8Array(), null, -0.5, Infinity]
    const insert = database.prepare('INSERT INTO t VALUES (?)')
    for (const value of values) insert.run(value)
    database.exec('INSERT INTO t VALUES (1.0)')
    const read = database.prepare('SELECT v, typeof(v) FROM t ORDER BY rowid').all()
    expect(read.map(([value]) => (value instanceof Uint8Array ? [...value] : value))).toEqual([
      ...values.map((value) => (value instanceof Uint8Array ? [] : value)),
      1,
    ])
    expect(read.map(([, type]) => type).join(' ')).toBe('integer real integer integer text blob null real real real')
    database.close()
  })

  it('[DC-21] behaves like plain SQLite: foreign keys and recursive triggers are off', () => {
    application('CREATE TABLE t(v)').close()
    const database = openDeviceDatabase(path)
    expect(database.prepare('PRAGMA foreign_keys').get()).toEqual([0n])
    expect(database.prepare('PRAGMA recursive_triggers').get()).toEqual([0n])
    database.close()
  })

  it('[DC-21] leaves no -wal and -shm behind, and does not touch those of a running application', () => {
    application('PRAGMA journal_mode=WAL; CREATE TABLE t(v); INSERT INTO t VALUES (1)').close()
    const database = openDeviceDatabase(path)
    database.exec('INSERT INTO t VALUES (2)')
    database.close()
    expect(['-wal', '-shm'].filter((suffix) => existsSync(path + suffix))).toEqual([])

    const running = application('INSERT INTO t VALUES (3)')
    openDeviceDatabase(path).close()
    expect(['-wal', '-shm'].filter((suffix) => existsSync(path + suffix))).toEqual(['-wal', '-shm'])
    expect(running.prepare('SELECT count(*) AS n FROM t').get()).toEqual({ n: 3 })
    running.close()
  })

  it('[DC-21] a database that its application holds is database.locked, soon, with the reason', () => {
    const holder = application('PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(v); INSERT INTO t VALUES (1)')
    const startedAt = Date.now()
    expect(() => openDeviceDatabase(path, { busyTimeoutMs: 100 })).toThrow(
      expect.objectContaining({ code: 'database.locked', message: expect.stringContaining(path) }),
    )
    expect(Date.now() - startedAt).toBeLessThan(6000)
    holder.close()
  })

  it('[DC-21] a write that meets a lock is database.locked, also in the middle', () => {
    const writer = application('CREATE TABLE t(v)')
    const database = openDeviceDatabase(path, { busyTimeoutMs: 50 })
    writer.exec('BEGIN IMMEDIATE')
    expect(() => database.exec('INSERT INTO t VALUES (1)')).toThrow(
      expect.objectContaining({ code: 'database.locked' }),
    )
    const insert = database.prepare('INSERT INTO t VALUES (?)')
    expect(() => insert.run(1n)).toThrow(expect.objectContaining({ code: 'database.locked' }))
    writer.exec('ROLLBACK')
    insert.run(1n)
    database.close()
    writer.close()
  })

  it('[DC-21] tells a missing file and a file that is no database apart', () => {
    expect(() => openDeviceDatabase(path)).toThrow(expect.objectContaining({ code: 'database.unknown' }))
    writeFileSync(path, 'this is not a database, but long enough to look at'.repeat(100))
    expect(() => openDeviceDatabase(path)).toThrow(expect.objectContaining({ code: 'database.invalid' }))
  })

  it('a loop over rows can be left early and the statement used again', () => {
    application('CREATE TABLE t(v); INSERT INTO t VALUES (1),(2),(3)').close()
    const database = openDeviceDatabase(path)
    const statement = database.prepare('SELECT v FROM t ORDER BY v')
    for (const [value] of statement.iterate()) {
      expect(value).toBe(1n)
      break
    }
    expect([...statement.iterate()]).toEqual([[1n], [2n], [3n]])
    database.close()
  })
})
