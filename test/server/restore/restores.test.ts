/** Who gets which restore, what is left on disk, and what the copy becomes afterwards. */

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import type { RestoreRequest } from '../../../schemas/http/backups.ts'
import { copyKeyContext } from '../../../server/backup/copyKey.ts'
import { readPosition } from '../../../server/backup/copyLayout.ts'
import type { DatabaseRow } from '../../../server/catalogue/catalogue.ts'
import { buildPlainImage, openImageForReading } from '../../../server/restore/buildImage.ts'
import { readSignedMap } from '../../../server/restore/signSegmentMap.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { momentOf } from '../../../server/timeMachine/timeMachine.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const CANARY = 'canary-77c0ffee'
let bench: RestoreBench
let original: string

beforeEach(async () => {
  bench = await openRestoreBench()
  original = join(bench.folder, 'original.db')
  const sql = `CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX t_x ON t(x);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)
    INSERT INTO t SELECT n, '${CANARY}' || hex(randomblob(90)) FROM c`
  buildZooDatabase({ name: 'original', pragmas: ['journal_mode=WAL'], sql }, original)
})
afterEach(() => bench.close())

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no error'
  } catch (cause) {
    return cause instanceof CodedError ? cause.code : String(cause)
  }
}

function openCopyOf(row: DatabaseRow) {
  const key = bench.keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))
  return openDatabase(bench.copyPath(row.copyId), { cipher: { kind: 'aegis', key } })
}

async function rowOf(deviceId: string): Promise<DatabaseRow> {
  const row = await bench.databases.get({ accountId: ACCOUNT, deviceId, name: DATABASE })
  if (row === undefined) throw new Error(`no row of ${deviceId}`)
  return row
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('a restore', () => {
  it('[TM-6] of the newest state looks at no older one', async () => {
    await bench.backUp(original, 'phone')
    const looks = vi.spyOn(bench.timeMachine, 'listPoints')
    await bench.service.createRestore(bench.caller('phone'), { database: DATABASE, point: 'latest' })
    await bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    expect(looks).not.toHaveBeenCalled()
  })

  it('[RS-3] [RS-4] leaves no plain octet under the data directory, and no key', async () => {
    await bench.backUp(original, 'phone')
    const ticket = await bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    expect(ticket.segments).toBeGreaterThan(1)
    const secrets = [CANARY, 'CREATE TABLE t', ticket.contentKey]
    const rawKey = Buffer.from(ticket.contentKey, 'base64url')
    const files = filesUnder(bench.dataDir)
    expect(files.filter((path) => path.includes('/objects/images/'))).toHaveLength(ticket.segments)
    for (const path of files) {
      const held = readFileSync(path)
      for (const secret of [...secrets, rawKey, rawKey.toString('hex')]) expect(held.includes(secret), path).toBe(false)
    }
    for (const path of files.filter((name) => /copies|images|objects/.test(name)))
      expect(statSync(path).mode & 0o077, path).toBe(0)
  })

  it('[RS-18] is made of the new copy if a whole file takes the old one away', async () => {
    const old = await bench.backUp(original, 'phone')
    let times = 0
    bench.hooks.beforeBuild = async () => {
      if (times++ > 0) return
      await bench.backUp(original, 'phone')
      rmSync(bench.copyPath(old.copyId))
    }
    await bench.restoreTo(join(bench.folder, 'restored.db'), 'phone', 'phone')
    expect(canonicalDump(join(bench.folder, 'restored.db'))).toBe(canonicalDump(original))
    expect(times).toBe(2)
  })

  it('[RS-18] [BK-23] fails if the copy is gone and none took its place', async () => {
    const row = await bench.backUp(original, 'phone')
    rmSync(bench.copyPath(row.copyId))
    const restore = bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    expect(await codeOf(restore)).toBe('storage.unavailable')
  })

  it('[RS-18] of a state that is dropped while its image is made is unknown, not damaged, and makes no file', async () => {
    await bench.timeMachine.putAside(await bench.backUp(original, 'phone'))
    bench.clock.now += 1000
    await bench.backUp(original, 'phone')
    const [, older] = await bench.service.listPoints(ACCOUNT, 'phone', DATABASE)
    const key = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
    const places = await bench.timeMachine.listPoints(key)
    const place = places.find(({ token }) => token === older?.point)
    bench.hooks.beforeBuild = async () => {
      if (place) await bench.timeMachine.dropPoints(key, new Set([momentOf(place)]))
    }
    const request = { database: DATABASE, point: older?.point ?? '' }
    expect(await codeOf(bench.service.createRestore(bench.caller('phone'), request))).toBe('restore.unknown')
    expect(existsSync(bench.copyPath(place?.copy.copyId ?? ''))).toBe(false)
  })

  it('[RS-17] comes in a compression that the device can open', async () => {
    await bench.backUp(original, 'phone')
    const asked: readonly (readonly [RestoreRequest['compressions'], string])[] = [
      [undefined, 'gzip'],
      [['gzip'], 'gzip'],
      [['gzip', 'zstd'], 'zstd'],
    ]
    for (const [compressions, expected] of asked) {
      const request = { database: DATABASE, ...(compressions && { compressions }) }
      const ticket = await bench.service.createRestore(bench.caller('phone'), request)
      expect(readSignedMap(ticket.segmentMap).compression).toBe(expected)
    }
  })

  it('[RS-8] is there for the account alone, and its segments for the device alone', async () => {
    await bench.backUp(original, 'phone')
    const stranger = { accountId: 'account-2', deviceId: 'phone' }
    expect(await codeOf(bench.service.createRestore(stranger, { database: DATABASE }))).toBe('database.unknown')
    const { restoreId } = await bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    for (const other of [stranger, bench.caller('tablet')]) {
      expect(await codeOf(bench.service.readSegment(other, restoreId, 0))).toBe('restore.unknown')
      expect(await codeOf(bench.service.completeRestore(other, restoreId))).toBe('restore.unknown')
    }
    expect(await codeOf(bench.service.readSegment(bench.caller('phone'), restoreId, 999))).toBe('restore.unknown')
  })

  it('[RS-1] of an unknown database or point is refused', async () => {
    const caller = bench.caller('phone')
    expect(await codeOf(bench.service.createRestore(caller, { database: DATABASE }))).toBe('database.unknown')
    await bench.backUp(original, 'phone')
    const request = { database: DATABASE, point: 'yesterday' }
    expect(await codeOf(bench.service.createRestore(caller, request))).toBe('restore.unknown')
    expect(await bench.service.listPoints(ACCOUNT, 'phone', DATABASE)).toMatchObject([{ point: 'latest', number: 1 }])
  })

  it('[RS-10] ends after its time: keys, segments and image file are gone', async () => {
    await bench.backUp(original, 'phone')
    const { restoreId } = await bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    await bench.service.sweep()
    expect(await bench.restores.get(restoreId)).toBeDefined()
    bench.clock.now += 86_400_001
    expect(await codeOf(bench.service.readSegment(bench.caller('phone'), restoreId, 0))).toBe('restore.unknown')
    await bench.service.sweep()
    expect(await bench.restores.get(restoreId)).toBeUndefined()
    expect(filesUnder(bench.dataDir).filter((path) => /\/images\//.test(path))).toEqual([])
  })

  it('[RS-9] can be read by offset as the plain file', async () => {
    await bench.backUp(original, 'phone')
    const place = { imagePath: join(bench.dataDir, 'images', 'one'), imageKey: '5a'.repeat(32) }
    const row = await rowOf('phone')
    const copyKey = Buffer.from(bench.keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))).toString('hex')
    const built = await buildPlainImage({ kind: 'sql', copyPath: bench.copyPath(row.copyId), copyKey, ...place })
    const reader = await openImageForReading(place)
    expect(reader.sizeBytes).toBe(built.sizeBytes)
    const whole = await reader.read(0, reader.sizeBytes + 1)
    expect(whole.subarray(0, 15).toString()).toBe('SQLite format 3')
    for (const [offset, length] of [
      [0, 1],
      [4000, 200],
      [12_345, 70_000],
      [reader.sizeBytes - 5, 50],
      [reader.sizeBytes, 1],
    ] as const)
      expect((await reader.read(offset, length)).equals(whole.subarray(offset, offset + length))).toBe(true)
    await reader.close()
  })

  it('[RS-1] [BK-18] does not wait for a Delta under way, and the copy takes Deltas meanwhile', async () => {
    const row = await bench.backUp(original, 'phone')
    const writer = openCopyOf(row)
    writer.exec('BEGIN IMMEDIATE; DELETE FROM t WHERE id <= 100')
    const restored = join(bench.folder, 'restored.db')
    await bench.restoreTo(restored, 'tablet', 'phone')
    expect(canonicalDump(restored)).toBe(canonicalDump(original))
    writer.exec('COMMIT')
    writer.close()
  })
})

describe('after the confirmation', () => {
  it('[RS-7] [RS-11] the same device goes on with its copy, in a new life', async () => {
    const before = await bench.backUp(original, 'phone')
    const { position } = await bench.restoreTo(join(bench.folder, 'restored.db'), 'phone', 'phone')
    const after = await rowOf('phone')
    expect(after).toMatchObject({ copyId: before.copyId, lastMode: 'restore', ...position })
    expect(position.lineage).not.toBe(before.lineage)
    const copy = openCopyOf(after)
    expect(readPosition(copy)).toMatchObject(position)
    copy.close()
  })

  it('[RS-7] a replacement gets a copy of its own that equals what it received, though the source moved on', async () => {
    const before = await bench.backUp(original, 'phone')
    const ticket = await bench.service.createRestore(bench.caller('tablet'), {
      database: DATABASE,
      fromDeviceId: 'phone',
    })
    const source = openCopyOf(before)
    source.exec('DELETE FROM t WHERE id > 10')
    source.close()
    const position = await bench.service.completeRestore(bench.caller('tablet'), ticket.restoreId)
    const clone = await rowOf('tablet')
    expect(clone).toMatchObject({ ...position, kind: 'sql' })
    expect(clone.copyId).not.toBe(before.copyId)
    const copy = openCopyOf(clone)
    expect(copy.prepare('SELECT count(*) FROM t').get()).toEqual([20_000n])
    expect(readPosition(copy)).toMatchObject(position)
    copy.close()
    expect(await rowOf('phone')).toEqual(before)
  })

  it('[RS-7] [RS-11] a copy that moved on is replaced by what the device received', async () => {
    const before = await bench.backUp(original, 'phone')
    const ticket = await bench.service.createRestore(bench.caller('phone'), { database: DATABASE })
    const source = openCopyOf(before)
    source.exec("UPDATE _nightferry_copy_meta SET value = 'other' WHERE key = 'token'; DELETE FROM t")
    source.close()
    await bench.service.completeRestore(bench.caller('phone'), ticket.restoreId)
    const after = await rowOf('phone')
    expect(after.copyId).not.toBe(before.copyId)
    const copy = openCopyOf(after)
    expect(copy.prepare('SELECT count(*) FROM t').get()).toEqual([20_000n])
    copy.close()
    expect(filesUnder(join(bench.dataDir, 'copies'))).toEqual([bench.copyPath(after.copyId)])
  })

  it('[RS-7] a repeated confirmation answers the same and changes nothing', async () => {
    await bench.backUp(original, 'phone')
    for (const device of ['phone', 'tablet']) {
      const request = { database: DATABASE, fromDeviceId: 'phone' }
      const { restoreId } = await bench.service.createRestore(bench.caller(device), request)
      const first = await bench.service.completeRestore(bench.caller(device), restoreId)
      const row = await rowOf(device)
      expect(await bench.service.completeRestore(bench.caller(device), restoreId)).toEqual(first)
      expect(await rowOf(device)).toEqual(row)
    }
  })

  it('[RS-7] a confirmation whose image is gone changes nothing', async () => {
    await bench.backUp(original, 'phone')
    const request = { database: DATABASE, fromDeviceId: 'phone' }
    const { restoreId } = await bench.service.createRestore(bench.caller('tablet'), request)
    rmSync(join(bench.dataDir, 'objects', 'images'), { recursive: true })
    expect(await codeOf(bench.service.completeRestore(bench.caller('tablet'), restoreId))).toBe('restore.unknown')
    expect(await bench.databases.get({ accountId: ACCOUNT, deviceId: 'tablet', name: DATABASE })).toBeUndefined()
  })
})

it('[BK-6] a copy kept as a file restores octet for octet, and clones', async () => {
  const path = join(bench.folder, 'odd.db')
  const sql = 'CREATE TABLE t(x, y AS (lower(x))); INSERT INTO t(x) VALUES (1)'
  buildZooDatabase({ name: 'odd', pragmas: ['journal_mode=WAL'], sql }, path)
  const bytes = readFileSync(path)
  bytes.write('zower', bytes.indexOf('lower'), 'latin1')
  writeFileSync(path, bytes)
  expect(await bench.backUp(path, 'phone')).toMatchObject({ kind: 'file' })
  const restored = join(bench.folder, 'restored.db')
  await bench.restoreTo(restored, 'phone', 'phone')
  expect(readFileSync(restored).equals(bytes)).toBe(true)
  await bench.restoreTo(`${restored}2`, 'tablet', 'phone')
  expect(await rowOf('tablet')).toMatchObject({ kind: 'file', reason: expect.stringContaining('zower') })
  await bench.restoreTo(`${restored}3`, 'tablet', 'tablet')
  expect(readFileSync(`${restored}3`).equals(bytes)).toBe(true)
})
