/** While a file is copied it stays as it is, whatever other processes do with its database. Rule SB-2. */

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { holdSqliteFile } from '../../../server/sql/holdSqliteFile.ts'

const KEY = Buffer.alloc(32, 0x5c)
const run = promisify(execFile)

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-hold-'))
  path = join(folder, 'copy.db')
  const db = openDatabase(path, { cipher: { kind: 'aegis', key: KEY }, create: true })
  db.exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a)')
  db.exec(
    'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000) INSERT INTO t SELECT hex(randomblob(50)) FROM c',
  )
  db.close()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Runs SQL in another process; what it printed, or the code it failed with. */
async function elsewhere(sql: string): Promise<string> {
  const program = `
    import Database from 'better-sqlite3'
    const db = new Database(${JSON.stringify(path)}, { timeout: 50 })
    try {
      db.exec("PRAGMA cipher='aegis'; PRAGMA key='raw:${KEY.toString('hex')}'")
      db.exec(${JSON.stringify(sql)})
      db.close()
      console.log('done')
    } catch (cause) {
      console.log(cause.code)
    }`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
  })
  return stdout.trim()
}

/** Of the file, by another process: this one would give up its locks by closing it. */
async function digest(): Promise<string> {
  const { stdout } = await run('sha256sum', [path])
  return stdout.split(' ')[0] ?? ''
}

it('[SB-2] writers go on in the log, and nobody writes to the file or has it alone', async () => {
  // Rows that are in the log only.
  const writer = openDatabase(path, { cipher: { kind: 'aegis', key: KEY } })
  writer.exec('INSERT INTO t VALUES (1)')
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
  const seen = await holdSqliteFile(path, KEY, async (reader) => {
    const before = await digest()
    expect(await elsewhere('INSERT INTO t VALUES (2); DELETE FROM t WHERE rowid < 500')).toBe('done')
    writer.exec('INSERT INTO t VALUES (3)')
    expect(await elsewhere('PRAGMA wal_checkpoint(TRUNCATE)')).toBe('done')
    expect(await elsewhere('PRAGMA locking_mode=EXCLUSIVE; SELECT count(*) FROM t')).toBe('SQLITE_BUSY')
    expect(await digest()).toBe(before)
    return reader.prepare('SELECT count(*) FROM t').get()
  })
  expect(seen).toEqual([2001n])
  expect(writer.prepare('SELECT count(*) FROM t').get()).toEqual([1504n])
  writer.close()
  expect(existsSync(`${path}-wal`)).toBe(false)
})

it('[SB-2] waits for one who reads an older state', async () => {
  const reader = openDatabase(path, { cipher: { kind: 'aegis', key: KEY } })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM t').get()
  expect(await elsewhere('INSERT INTO t VALUES (2)')).toBe('done')
  let held = false
  const holding = holdSqliteFile(path, KEY, async () => {
    held = true
  })
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(held).toBe(false)
  reader.close()
  await holding
  expect(held).toBe(true)
})
