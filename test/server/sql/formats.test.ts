/** Files under a raw key: those we write, and those of the format before. */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attach, openDatabase } from '../../../server/sql/betterSqlite.ts'

const KEY = Buffer.alloc(32, 0xab)
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-formats-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A copy as the versions before AEGIS wrote it. */
function writeSqlcipher(path: string): void {
  const db = new Database(path)
  db.exec(`PRAGMA cipher='sqlcipher'; PRAGMA legacy=4; PRAGMA key="x'${KEY.toString('hex')}'"`)
  db.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES('kept')")
  db.close()
}

function writeAegis(path: string): void {
  const db = openDatabase(path, { cipher: { kind: 'aegis', key: KEY }, create: true })
  db.exec("PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES('kept')")
  db.close()
}

const formats = [
  ['aegis', writeAegis],
  ['sqlcipher', writeSqlcipher],
] as const

describe.each(formats)('a file in %s', (name, write) => {
  it('[RS-18] that is not there is not attached, and not made', () => {
    const db = openDatabase(':memory:', { cipher: { kind: 'none' } })
    const missing = join(folder, 'missing.db')
    expect(() => attach(db, missing, 'src', { kind: 'aegis', key: KEY })).toThrow('not there')
    expect(existsSync(missing)).toBe(false)
    db.close()
  })

  it('[BK-1] is read, written and attached', () => {
    const path = join(folder, `${name}.db`)
    write(path)
    const db = openDatabase(path, { cipher: { kind: 'aegis', key: KEY } })
    db.exec("INSERT INTO t VALUES('added')")
    db.close()
    const other = openDatabase(':memory:', { cipher: { kind: 'none' } })
    attach(other, path, 'src', { kind: 'aegis', key: KEY })
    expect(other.prepare('SELECT a FROM src.t ORDER BY rowid').all()).toEqual([['kept'], ['added']])
    other.close()
  })

  it('[BK-1] does not open with another key, nor shows what it holds', () => {
    const path = join(folder, `${name}-wrong.db`)
    write(path)
    expect(readFileSync(path).includes('kept')).toBe(false)
    expect(() => openDatabase(path, { cipher: { kind: 'aegis', key: Buffer.alloc(32, 1) } })).toThrow(
      expect.objectContaining({ code: 'key.wrong' }),
    )
  })

  it('[BK-1] gives no row of a page in which one bit was turned', () => {
    const path = join(folder, `${name}-damaged.db`)
    write(path)
    const octets = readFileSync(path)
    const at = octets.length - 2000
    octets.writeUInt8(octets.readUInt8(at) ^ 1, at)
    writeFileSync(path, octets)
    const db = openDatabase(path, { cipher: { kind: 'aegis', key: KEY } })
    expect(() => db.prepare('SELECT a FROM t').all()).toThrow()
    db.close()
  })
})

/** Whether another process gets the file for itself; it tells why not. */
function takeAlone(path: string): string {
  const program = `
    import Database from 'better-sqlite3'
    const db = new Database(${JSON.stringify(path)}, { timeout: 0 })
    try {
      db.exec("PRAGMA cipher='aegis'; PRAGMA key='raw:${KEY.toString('hex')}'; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE")
      console.log('alone')
    } catch (cause) {
      console.log(cause.code)
    }`
  const options = { encoding: 'utf8', cwd: import.meta.dirname } as const
  return execFileSync(process.execPath, ['--input-type=module', '--eval', program], options).trim()
}

it('[BK-18] a second connection of a process leaves the first one its locks', () => {
  const path = join(folder, 'twice.db')
  const cipher = { kind: 'aegis', key: KEY } as const
  const first = openDatabase(path, { cipher, create: true })
  first.exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)')
  const again = openDatabase(path, { cipher })
  again.close()
  const other = openDatabase(join(folder, 'other.db'), { cipher, create: true })
  attach(other, path, 'twice', cipher)
  other.close()
  expect(takeAlone(path)).toBe('SQLITE_BUSY')
  first.close()
  expect(takeAlone(path)).toBe('alone')
})
