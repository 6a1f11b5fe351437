/** Images of whole databases, checked with SQLite itself, while another connection goes on writing. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeFileImage } from '../../../device-client/node/fileImage.ts'

let directory = ''
let path = ''
let images = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nightferry-image-'))
  path = join(directory, 'app.db')
  images = join(directory, 'images')
  mkdirSync(images)
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** Reads the image through its stream and opens what arrived. */
async function openImage(image: Awaited<ReturnType<typeof takeFileImage>>) {
  const chunks: Uint8Array[] = []
  for await (const chunk of image.read()) chunks.push(chunk)
  const octets = Buffer.concat(chunks)
  expect(octets.length).toBe(image.sizeBytes)
  const copy = join(directory, `copy-${chunks.length}-${octets.length}.db`)
  writeFileSync(copy, octets)
  return { octets, database: new Database(copy) }
}

describe('a file image', () => {
  it.each(['wal', 'delete'])('[DC-22] holds one moment of a %s database that is written on', async (mode) => {
    const application = new Database(path)
    application.exec(`PRAGMA journal_mode=${mode}; CREATE TABLE t(id INTEGER PRIMARY KEY, v)`)
    const insert = application.prepare('INSERT INTO t(v) VALUES (?)')
    for (let row = 0; row < 1000; row++) insert.run('x'.repeat(200))
    const taking = takeFileImage(path, images)
    insert.run('afterwards')
    const image = await taking
    expect(image.journalMode).toBe(mode)
    const { database } = await openImage(image)
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    // The octets say the application's journal mode, whatever mode the image itself is in.
    expect(database.pragma('journal_mode', { simple: true })).toBe(mode)
    const { n } = database.prepare('SELECT count(*) AS n FROM t').get() as { n: number }
    expect([1000, 1001]).toContain(n)
    database.close()
    application.close()
    await image.dispose()
    expect(readdirSync(images)).toEqual([])
  })

  it('[DC-22] contains none of our own objects, and none of their text', async () => {
    const application = new Database(path)
    application.exec(`CREATE TABLE t(v); CREATE TABLE _nightferry_change(note);
      INSERT INTO _nightferry_change VALUES ('a-note-of-the-observer');
      CREATE TRIGGER "_nightferry_1" AFTER INSERT ON t BEGIN INSERT INTO _nightferry_change VALUES (new.v); END;
      CREATE TABLE _nightferryish(v); INSERT INTO t VALUES ('value')`)
    application.close()
    const image = await takeFileImage(path, images)
    const { database, octets } = await openImage(image)
    const names = database.prepare('SELECT name FROM sqlite_schema ORDER BY name').pluck().all()
    expect(names).toEqual(['_nightferryish', 't'])
    expect(octets.includes('a-note-of-the-observer')).toBe(false)
    database.close()
    await image.dispose()
  })

  it('[DC-22] is taken page by page where only the application knows a function or collation of the schema', async () => {
    const application = new Database(path)
    application.function('till_code', { deterministic: true }, (value) => value)
    application.exec('CREATE TABLE t(v); CREATE INDEX i ON t(till_code(v)); INSERT INTO t VALUES (7)')
    application.close()
    const image = await takeFileImage(path, images)
    const { database } = await openImage(image)
    expect(database.prepare('SELECT v FROM t').pluck().all()).toEqual([7])
    expect(database.prepare("SELECT sql FROM sqlite_schema WHERE name = 'i'").pluck().get()).toContain('till_code')
    database.close()
    await image.dispose()
  })

  it('[DC-22] is readable by its owner only', async () => {
    new Database(path).exec('CREATE TABLE t(v)').close()
    const image = await takeFileImage(path, images)
    expect(statSync(image.path).mode & 0o777).toBe(0o600)
    await image.dispose()
  })

  it('[DC-22] leaves nothing behind where it cannot be taken', async () => {
    const holder = new Database(path)
    holder.exec('PRAGMA locking_mode=EXCLUSIVE; CREATE TABLE t(v)')
    await expect(takeFileImage(path, images)).rejects.toMatchObject({ code: 'database.locked' })
    holder.close()
    writeFileSync(path, 'no database at all, only text of some length '.repeat(50))
    await expect(takeFileImage(path, images)).rejects.toMatchObject({ code: 'database.invalid' })
    expect(readdirSync(images)).toEqual([])
  })
})
