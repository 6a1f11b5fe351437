/** The page format by hand against SQLite's own. */

import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { encryptFile, markJournalMode } from '../../../server/backup/encryptFile.ts'
import { pagePassphrase } from '../../../server/backup/pageCipher.ts'
import { openPlainReader } from '../../../server/backup/plainReader.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'

const passphrase = pagePassphrase(Buffer.alloc(32, 7))
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-pages-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const SQL = `CREATE TABLE t(x); CREATE INDEX t_x ON t(x); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c
  WHERE n < 4000) INSERT INTO t SELECT hex(randomblob(200)) FROM c`

it.each([512, 4096, 65_536])(
  '[BK-10] SQLite opens what we write, and we read what SQLite writes, pages of %i',
  async (size) => {
    const plainPath = join(folder, 'plain.db')
    const pagesPath = join(folder, 'pages.db')
    buildZooDatabase({ name: 'pages', pragmas: [`page_size=${size}`], sql: SQL }, plainPath)
    const facts = await encryptFile(createReadStream(plainPath, { highWaterMark: 777 }), pagesPath, passphrase)
    expect(facts).toMatchObject({ pageSize: size, sizeBytes: readFileSync(plainPath).length, journalMode: 'delete' })

    const db = openDatabase(pagesPath, { cipher: { kind: 'aes256cbc', passphrase } })
    expect(db.pragma('integrity_check')).toBe('ok')
    expect(db.prepare('SELECT count(*) FROM t').get()).toEqual([4000n])
    db.exec('DELETE FROM t WHERE rowid % 2; INSERT INTO t VALUES (1); VACUUM')
    db.close()

    const reader = await openPlainReader(pagesPath, passphrase)
    const pieces: Buffer[] = []
    for await (const piece of reader.stream()) pieces.push(piece)
    const whole = Buffer.concat(pieces)
    expect((await reader.read(0, whole.length)).equals(whole)).toBe(true)
    await reader.close()
    writeFileSync(plainPath, whole)
    const changed = openDatabase(plainPath, { cipher: { kind: 'none' } })
    expect(changed.pragma('integrity_check')).toBe('ok')
    expect(changed.prepare('SELECT count(*) FROM t').get()).toEqual([2001n])
    changed.close()
  },
)

it('[BK-10] a file of a database in WAL mode opens without further files, and gets its mode back', async () => {
  const plainPath = join(folder, 'plain.db')
  const pagesPath = join(folder, 'pages.db')
  buildZooDatabase({ name: 'wal', pragmas: ['journal_mode=WAL'], sql: SQL }, plainPath)
  const facts = await encryptFile(createReadStream(plainPath), pagesPath, passphrase)
  expect(facts.journalMode).toBe('wal')
  await markJournalMode(pagesPath, passphrase, 'wal')
  const reader = await openPlainReader(pagesPath, passphrase)
  expect((await reader.read(0, facts.sizeBytes)).equals(readFileSync(plainPath))).toBe(true)
  await reader.close()
})

it('[BK-10] opens with its own passphrase only', async () => {
  const plainPath = join(folder, 'plain.db')
  const pagesPath = join(folder, 'pages.db')
  buildZooDatabase({ name: 'key', sql: SQL }, plainPath)
  await encryptFile(createReadStream(plainPath), pagesPath, passphrase)
  const other = pagePassphrase(Buffer.alloc(32, 8))
  expect(() => openDatabase(pagesPath, { cipher: { kind: 'aes256cbc', passphrase: other } })).toThrow(
    expect.objectContaining({ code: 'key.wrong' }),
  )
})
