/** Keys of their own for copies, anew after a rotation, on real encrypted files. Rules KY-15 to KY-18. */

import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyKeyContext } from '../../../server/backup/copyKey.ts'
import { pagePassphrase } from '../../../server/backup/pageCipher.ts'
import { openPlainReader } from '../../../server/backup/plainReader.ts'
import { reencryptCopyJob } from '../../../server/backup/reencryptCopy.ts'
import type { DatabaseRow } from '../../../server/catalogue/catalogue.ts'
import { sqlPastCopies } from '../../../server/catalogue/sqlite/pastCopies.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { openReencryption } from '../../support/reencryptionBench.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const KEY = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
const SECRET = 'a text that nobody shall find on the disk'
const WAIT = { timeout: 20_000 }
let bench: RestoreBench
let path: string

beforeEach(async () => {
  bench = await openRestoreBench()
  path = join(bench.folder, 'app.db')
  const sql = `CREATE TABLE t(x); INSERT INTO t VALUES('${SECRET}'); CREATE TABLE big(b);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500)
    INSERT INTO big SELECT randomblob(700) FROM c; DELETE FROM big WHERE rowid % 3 = 0`
  buildZooDatabase({ name: 'app', pragmas: [], sql }, path)
})
afterEach(() => bench.close())

const rotate = (): void => bench.keyRing.rotate(randomBytes(32), bench.clock.now)
const keyOf = (row: Pick<DatabaseRow, 'copyId' | 'wrappedKey'>): Uint8Array =>
  bench.keyRing.unwrap(row.wrappedKey, copyKeyContext(row.copyId))
const now = async (): Promise<DatabaseRow> => {
  const row = await bench.databases.get(KEY)
  if (row === undefined) throw new Error('no row')
  return row
}
const files = (): string[] =>
  readdirSync(join(bench.dataDir, 'copies'))
    .filter((name) => !/-(wal|shm)$/.test(name))
    .sort()

/** Every row with its rowid, and the pages that are free. */
function contentOf(row: DatabaseRow): unknown {
  const db = openDatabase(bench.copyPath(row.copyId), { cipher: { kind: 'aegis', key: keyOf(row) } })
  try {
    const tables = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
    const rows = tables.map(([name, sql]) => [
      name,
      db.prepare(`SELECT ${String(sql).includes('WITHOUT ROWID') ? '' : 'rowid, '}* FROM "${name}"`).all(),
    ])
    return [tables, rows, ['freelist_count', 'page_count', 'journal_mode'].map((name) => db.pragma(name))]
  } finally {
    db.close()
  }
}

const codeOf = (work: () => unknown): string => {
  try {
    work()
    return 'nothing'
  } catch (cause) {
    return (cause as { code?: string }).code ?? String(cause)
  }
}

describe('a copy that gets another key', () => {
  it('[KY-15] holds the same, row by row, opens with the new key and not with the old one', async () => {
    const row = await bench.backUp(path, 'phone')
    const [before, oldKey] = [contentOf(row), keyOf(row)]
    rotate()
    const { reencryption, failures } = openReencryption(bench)
    expect(await reencryption.state()).toMatchObject({ copies: 1, leftCopies: 1, leftBytes: row.sizeBytes })
    await reencryption.runAlone(() => undefined)
    expect(failures).toEqual([])
    const made = await now()
    expect(made).toEqual({ ...row, copyId: made.copyId, wrappedKey: made.wrappedKey })
    expect(made.copyId).not.toBe(row.copyId)
    expect(files()).toEqual([made.copyId])
    expect(contentOf(made)).toEqual(before)
    expect(Buffer.from(keyOf(made)).equals(oldKey)).toBe(false)
    const cipher = { kind: 'aegis', key: oldKey } as const
    expect(codeOf(() => openDatabase(bench.copyPath(made.copyId), { cipher }))).toBe('key.wrong')
    expect(readFileSync(bench.copyPath(made.copyId)).includes(SECRET)).toBe(false)
    expect(await reencryption.state()).toMatchObject({ copies: 1, leftCopies: 0, leftBytes: 0, running: false })
  })

  it('[KY-15] is a sealed file as well, octet by octet', async () => {
    const other = join(bench.folder, 'sealed.db')
    buildZooDatabase({ name: 'sealed', pragmas: ['journal_mode=WAL'], sql: SEALED }, other)
    const unknown = readFileSync(other)
    unknown.write('zower', unknown.indexOf('lower'), 'latin1')
    writeFileSync(other, unknown)
    const row = await bench.backUp(other, 'phone')
    expect(row.kind).toBe('file')
    const plain = await readAll(row)
    const oldKey = keyOf(row)
    rotate()
    const { reencryption, failures } = openReencryption(bench)
    await reencryption.runAlone(() => undefined)
    expect(failures).toEqual([])
    const made = await now()
    expect((await readAll(made)).equals(plain)).toBe(true)
    expect(Buffer.from(keyOf(made)).equals(oldKey)).toBe(false)
    const octets = readFileSync(bench.copyPath(made.copyId))
    expect(octets.subarray(24, 200).equals(plain.subarray(24, 200))).toBe(false)
  })

  it('[KY-15] waits by the master key that first wrapped its key: a Snapshot is as old as its copy', async () => {
    await bench.backUp(path, 'phone')
    const { reencryption } = openReencryption(bench)
    expect((await reencryption.state()).leftCopies).toBe(0)
    rotate()
    await bench.timeMachine.takeSnapshot(await now())
    await bench.backUp(path, 'other')
    expect(await reencryption.state()).toMatchObject({ copies: 3, leftCopies: 2 })
    await reencryption.runAlone(() => undefined)
    expect((await reencryption.state()).leftCopies).toBe(0)
    rotate()
    expect((await reencryption.state()).leftCopies).toBe(3)
  })

  it('[KY-17] is named everywhere in place of the old one: restore points and a restore under way go on', async () => {
    await bench.backUp(path, 'phone')
    await bench.timeMachine.putAside(await now())
    const ticket = await bench.service.createRestore(bench.caller('phone'), {
      ...{ database: DATABASE, point: 'latest', compressions: [] },
    })
    const before = await bench.timeMachine.listPoints(KEY)
    rotate()
    const { reencryption } = openReencryption(bench)
    await reencryption.runAlone(() => undefined)
    const { copyId } = await now()
    expect((await sqlPastCopies(bench.catalogue).list(KEY)).map((past) => past.copyId)).toEqual([copyId])
    expect((await bench.timeMachine.listPoints(KEY)).map(({ token }) => token)).toEqual(
      before.map(({ token }) => token),
    )
    await bench.service.completeRestore(bench.caller('phone'), ticket.restoreId)
    // Its own copy took on the new life: nothing was cloned.
    expect((await now()).copyId).toBe(copyId)
    expect((await now()).lineage).toBe(ticket.lineage)
    await bench.restoreTo(join(bench.folder, 'back.db'), 'phone', 'phone')
    expect(canonicalDump(join(bench.folder, 'back.db'))).toBe(canonicalDump(path))
  })
})

describe('what goes wrong', () => {
  it('[KY-18] a damaged copy stays as it is, is counted, and the others go on', async () => {
    const damaged = await bench.backUp(path, 'phone')
    await bench.backUp(path, 'other')
    truncateSync(bench.copyPath(damaged.copyId), 8192)
    rotate()
    const { reencryption, failures } = openReencryption(bench)
    await reencryption.runAlone(() => undefined)
    expect(failures).toHaveLength(1)
    expect(await reencryption.state()).toMatchObject({ copies: 2, leftCopies: 1, failed: 1 })
    expect((await now()).copyId).toBe(damaged.copyId)
    expect(files()).toHaveLength(2)
  })

  it('[KY-15] a page that was changed in place is no copy', async () => {
    const row = await bench.backUp(path, 'phone')
    const octets = readFileSync(bench.copyPath(row.copyId))
    octets[octets.length - 100] = (octets[octets.length - 100] ?? 0) ^ 1
    writeFileSync(bench.copyPath(row.copyId), octets)
    rotate()
    const { reencryption } = openReencryption(bench)
    await reencryption.runAlone(() => undefined)
    expect(await reencryption.state()).toMatchObject({ leftCopies: 1, failed: 1 })
    expect(files()).toEqual([row.copyId])
  })

  it('[KY-17] a copy that was removed meanwhile leaves no file', async () => {
    const row = await bench.backUp(path, 'phone')
    rotate()
    const { reencryption } = openReencryption(bench, {
      reencryptCopy: async (input) => {
        await bench.databases.remove(KEY)
        return reencryptCopyJob(input)
      },
    })
    await reencryption.runAlone(() => undefined)
    expect(files().filter((name) => name !== row.copyId)).toEqual([])
    expect(await bench.databases.get(KEY)).toBeUndefined()
  })
})

describe('who writes meanwhile', () => {
  it('[KY-16] waits, and writes the new file; who reads finds the old one for two minutes', async () => {
    const row = await bench.backUp(path, 'phone')
    rotate()
    const order: string[] = []
    const { reencryption, clock } = openReencryption(bench, {
      reencryptCopy: async (input) => {
        const written = bench.gate.write(KEY, async () => {
          order.push(`write ${(await now()).copyId === row.copyId ? 'old' : 'new'}`)
        })
        writers.push(written)
        await reencryptCopyJob(input)
        order.push('encrypted')
        return undefined
      },
    })
    const writers: Promise<void>[] = []
    reencryption.tend()
    await expect.poll(() => order, WAIT).toEqual(['encrypted', 'write new'])
    await Promise.all(writers)
    await expect.poll(async () => (await reencryption.state()).running, WAIT).toBe(false)
    clock.now += 119_000
    reencryption.tend()
    await pause(20)
    expect(existsSync(bench.copyPath(row.copyId))).toBe(true)
    clock.now += 2000
    reencryption.tend()
    await expect.poll(() => existsSync(bench.copyPath(row.copyId)), WAIT).toBe(false)
  })

  it('[KY-16] is waited for', async () => {
    await bench.backUp(path, 'phone')
    rotate()
    const order: string[] = []
    const { reencryption } = openReencryption(bench, {
      reencryptCopy: async (input) => {
        order.push('encrypt')
        return reencryptCopyJob(input)
      },
    })
    const end = Promise.withResolvers<void>()
    const writing = bench.gate.write(KEY, async () => {
      await end.promise
      order.push('written')
    })
    const done = reencryption.runAlone(() => undefined)
    await pause(50)
    end.resolve()
    await Promise.all([writing, done])
    expect(order).toEqual(['written', 'encrypt'])
  })
})

it('[KY-18] in the background it pauses as the limit says, and goes on where it was ended', async () => {
  const rows = [await bench.backUp(path, 'phone'), await bench.backUp(path, 'other'), await bench.backUp(path, 'third')]
  rotate()
  let done = 0
  const first = openReencryption(bench, {
    bytesPerMinute: 600_000,
    onDone: () => {
      done++
      void first.reencryption.close()
    },
  })
  first.reencryption.tend()
  await expect.poll(() => done, WAIT).toBe(1)
  await first.reencryption.close()
  expect(first.pauses).toEqual([((rows[0]?.sizeBytes ?? 0) / 600_000) * 60_000])
  const second = openReencryption(bench)
  expect((await second.reencryption.state()).leftCopies).toBe(2)
  second.reencryption.tend()
  await expect.poll(async () => (await second.reencryption.state()).leftCopies, WAIT).toBe(0)
  expect(second.failures).toEqual([])
})

const SEALED = 'CREATE TABLE t(x, y AS (lower(x))); INSERT INTO t(x) VALUES (1)'

async function readAll(row: DatabaseRow): Promise<Buffer> {
  const plain = await openPlainReader(bench.copyPath(row.copyId), pagePassphrase(keyOf(row)))
  try {
    const pieces: Buffer[] = []
    for await (const piece of plain.stream()) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  } finally {
    await plain.close()
  }
}
