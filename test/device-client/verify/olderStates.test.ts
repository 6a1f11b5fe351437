/** A server that was set back, and a device that was: neither is taken for a normal night, and what differs is sent. */

import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { ASK_EPOCH_MS } from '../../../device-client/verify/followEpoch.ts'
import { backupServer } from '../../../server/serverBackup/backupServer.ts'
import { beginEpoch } from '../../../server/serverBackup/epoch.ts'
import { restoreServer } from '../../../server/serverBackup/restoreServer.ts'
import { canonicalDigest } from '../../support/canonicalDump.ts'
import { compareByTools, sqliteTools, takeReference } from '../../support/sqliteTools.ts'
import { openVerifyBench, type VerifyBench } from '../../support/verifyBench.ts'

const SETUP = `PRAGMA journal_mode=WAL;
CREATE TABLE sale(id INTEGER PRIMARY KEY, what TEXT, price);
CREATE TABLE label(uid TEXT, part INT, note, PRIMARY KEY(uid, part)) WITHOUT ROWID;
CREATE TABLE plain(a, b);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<20000)
INSERT INTO sale SELECT i, 'sale '||i||hex(randomblob(30)), i FROM n;
INSERT INTO label SELECT 'uid '||id, id%2, what FROM sale WHERE id<=500;
INSERT INTO plain SELECT id, what FROM sale WHERE id<=30;`

const NIGHTS = [
  "UPDATE sale SET price=price+1 WHERE id BETWEEN 100 AND 110; INSERT INTO sale VALUES(30000, 'made', 1)",
  "DELETE FROM sale WHERE id=300; UPDATE label SET note='new' WHERE uid='uid 7'; INSERT INTO plain VALUES(99, 'x')",
  "UPDATE sale SET price=7 WHERE id=50; ALTER TABLE sale ADD COLUMN later DEFAULT 5; CREATE TABLE added(a PRIMARY KEY); INSERT INTO added VALUES('a');",
]

let bench: VerifyBench
afterEach(() => bench.close())

/** Backs the server up now; the function makes a server of that backup and goes on with it. */
async function keepServer(): Promise<() => Promise<void>> {
  const kept = join(bench.folder, 'kept')
  await backupServer({ dataFolder: bench.dataFolder(), keyRing: bench.keyRing(), target: kept, now: Date.now })
  return async () => {
    const dataFolder = join(bench.folder, 'older')
    await restoreServer({ source: kept, dataFolder, keyRing: bench.keyRing() })
    await bench.restart(dataFolder)
  }
}

async function expectSame(): Promise<void> {
  const restored = await bench.restore()
  expect(canonicalDigest(restored)).toBe(canonicalDigest(bench.path))
  if (!sqliteTools.available) return
  const reference = join(bench.folder, 'reference.db')
  rmSync(reference, { force: true })
  takeReference(bench.path, reference)
  const { dumps, digests, difference } = compareByTools(reference, restored)
  expect(dumps[1]).toBe(dumps[0])
  expect(digests[1]).toBe(digests[0])
  expect(difference).toBe('')
}

it('[DC-104, SB-7, VF-4] a server of an older state: the device sends what differs, in proportion to it', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  const first = await bench.backup()
  const setBack = await keepServer()
  for (const night of NIGHTS.slice(0, 2)) {
    bench.app(night)
    expect(await bench.backup()).toMatchObject({ mode: 'delta' })
  }
  await setBack()
  bench.app("UPDATE sale SET what='today' WHERE id=1000")
  const night = await bench.backup()
  expect(night).toMatchObject({ mode: 'delta', reason: expect.stringContaining('compared') })
  expect(night.puts).toBeLessThan(60)
  expect(night.bytesSent + night.bytesReceived).toBeLessThan(first.bytesSent / 15)
  await expectSame()
  expect(await bench.backup()).toMatchObject({ mode: 'none', exchanges: 0 })
  expect(await bench.verify({ full: true })).toMatchObject({ differences: [] })
})

it('[DC-105, DC-106] with a schema that went on meanwhile, and with nothing new to send, all the same', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  const setBack = await keepServer()
  for (const night of NIGHTS) {
    bench.app(night)
    await bench.backup()
  }
  await setBack()
  // Told by no session yet: the device has nothing to send.
  expect(await bench.backupAnew()).toMatchObject({ mode: 'none', exchanges: 0 })
  const history = await bench.records.history('app')
  await bench.records.setHistory('app', { ...history, epochHeardAt: Date.now() - ASK_EPOCH_MS })
  const night = await bench.backupAnew()
  expect(night).toMatchObject({ mode: 'delta', reason: expect.stringContaining('epoch') })
  await expectSame()
  expect((await bench.records.history('app')).epoch).not.toBe(history.epoch)
  expect(await bench.backup()).toMatchObject({ mode: 'none', exchanges: 0 })
})

it('[DC-107, SB-8] an epoch that the operator began has a device compare once, also after a normal night', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  await bench.restart()
  bench.app('UPDATE sale SET price=0 WHERE id=1')
  expect(await bench.backup()).not.toHaveProperty('reason')
  beginEpoch(bench.dataFolder())
  await bench.restart()
  await bench.withCopy((copy) => copy.exec('DELETE FROM sale WHERE id=17'))
  bench.app('UPDATE sale SET price=0 WHERE id=2')
  expect(await bench.backup()).toMatchObject({ mode: 'delta', puts: 1, reason: expect.stringContaining('epoch') })
  await expectSame()
  bench.app('UPDATE sale SET price=0 WHERE id=3')
  expect(await bench.backup()).not.toHaveProperty('reason')
})

it('[DC-108] a device that was set back to an older file: never a normal night, and its state is what the copy becomes', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  const first = await bench.backup()
  const older = join(bench.folder, 'older.db')
  bench.app('PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(bench.path, older)
  for (const night of NIGHTS.slice(0, 2)) {
    bench.app(night)
    await bench.backup()
  }
  for (const suffix of ['-wal', '-shm']) rmSync(bench.path + suffix, { force: true })
  copyFileSync(older, bench.path)
  // With nothing noted since, the file says that the server has everything: a comparison tells.
  expect(await bench.verify()).toMatchObject({ differences: [{ kind: 'position' }] })
  bench.app("UPDATE sale SET what='after the image' WHERE id=2000")
  const night = await bench.backup()
  expect(night.mode).not.toBe('none')
  expect(night.bytesSent).toBeLessThan(first.bytesSent / 15)
  await expectSame()
  expect(await bench.verify({ full: true })).toMatchObject({ differences: [] })
})

it('[DC-108] an older file in which nothing was noted since is no quiet night either', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  const older = join(bench.folder, 'older.db')
  bench.app('PRAGMA wal_checkpoint(TRUNCATE)')
  copyFileSync(bench.path, older)
  for (const night of NIGHTS.slice(0, 2)) {
    bench.app(night)
    await bench.backup()
  }
  for (const suffix of ['-wal', '-shm']) rmSync(bench.path + suffix, { force: true })
  copyFileSync(older, bench.path)
  expect((await bench.backup()).mode).toBe('full')
  await expectSame()
})
