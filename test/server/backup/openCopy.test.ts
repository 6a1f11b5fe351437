/** A copy that is opened for writing: alone if nobody reads it, shared if somebody does. */

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openCopyToWrite } from '../../../server/backup/openCopy.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import type { SqlDatabase } from '../../../server/sql/sqlDatabase.ts'

const KEY = 'ab'.repeat(32)
const cipher = { kind: 'aegis', key: Buffer.from(KEY, 'hex') } as const
let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-open-copy-'))
  path = join(folder, 'copy.db')
  const db = openDatabase(path, { cipher, create: true })
  db.pragma('journal_mode=WAL')
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES(1)')
  db.close()
})
afterEach(() => rmSync(folder, { recursive: true }))

const count = (db: SqlDatabase): unknown => db.prepare('SELECT count(*) FROM t').get()?.[0]

describe('[BK-25] a copy opened for a few rows', () => {
  test('shares nothing while nobody else is there, and leaves nothing beside it', () => {
    const copy = openCopyToWrite(path, KEY, true)
    copy.exec('INSERT INTO t VALUES(2)')
    expect(existsSync(`${path}-wal`)).toBe(true)
    expect(existsSync(`${path}-shm`)).toBe(false)
    const other = () => openDatabase(path, { cipher, busyTimeoutMs: 0 })
    expect(other).toThrowError(expect.objectContaining({ code: 'storage.unavailable' }))
    copy.close()
    expect(existsSync(`${path}-wal`)).toBe(false)
    const reader = openDatabase(path, { cipher })
    expect(count(reader)).toBe(2n)
    reader.close()
  })

  test('[BK-18] is shared with who reads it, and the reader keeps what it saw', () => {
    const reader = openDatabase(path, { cipher })
    reader.exec('BEGIN')
    expect(count(reader)).toBe(1n)
    const copy = openCopyToWrite(path, KEY, true)
    copy.exec('INSERT INTO t VALUES(2)')
    copy.close()
    expect(count(reader)).toBe(1n)
    reader.exec('COMMIT')
    expect(count(reader)).toBe(2n)
    reader.close()
  })

  test.each([true, false])('opens what a killed writer left; that one alone: %s', (alone) => {
    const copy = openCopyToWrite(path, KEY, alone)
    copy.exec('INSERT INTO t VALUES(2)')
    // What a kill leaves: the file as it was, the log, and shared memory that nobody holds any more.
    const killed = join(folder, 'killed.db')
    for (const suffix of ['', '-wal', '-shm'])
      if (existsSync(path + suffix)) copyFileSync(path + suffix, killed + suffix)
    copy.close()
    writeFileSync(`${killed}-shm`, existsSync(`${killed}-shm`) ? readFileSync(`${killed}-shm`) : new Uint8Array(32768))
    const next = openCopyToWrite(killed, KEY, true)
    expect(count(next)).toBe(2n)
    next.close()
    const reader = openDatabase(killed, { cipher })
    expect(count(reader)).toBe(2n)
    reader.close()
  })

  test('with another key is refused as such', () => {
    expect(() => openCopyToWrite(path, 'cd'.repeat(32), true)).toThrowError(
      expect.objectContaining({ code: 'key.wrong' }),
    )
  })
})
