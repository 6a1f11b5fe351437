/** The gate between those who write a copy and those who put another file in its place. Rule KY-16. */

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyKeyContext } from '../../../server/backup/copyKey.ts'
import type { DatabaseRow } from '../../../server/catalogue/catalogue.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import type { SqlDatabase } from '../../../server/sql/sqlDatabase.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { openReencryption } from '../../support/reencryptionBench.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const KEY = { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE }
let bench: RestoreBench
let path: string

beforeEach(async () => {
  bench = await openRestoreBench()
  path = join(bench.folder, 'app.db')
  buildZooDatabase({ name: 'app', pragmas: [], sql: 'CREATE TABLE t(x); INSERT INTO t VALUES(1)' }, path)
})
afterEach(() => bench.close())

const rotate = (): void => bench.keyRing.rotate(randomBytes(32), bench.clock.now)
const now = async (): Promise<DatabaseRow> => {
  const row = await bench.databases.get(KEY)
  if (row === undefined) throw new Error('no row')
  return row
}

async function openNow(): Promise<SqlDatabase> {
  const { copyId, wrappedKey } = await now()
  const key = bench.keyRing.unwrap(wrappedKey, copyKeyContext(copyId))
  return openDatabase(bench.copyPath(copyId), { cipher: { kind: 'aegis', key } })
}

describe('writers and who is alone', () => {
  it('[KY-16] among many of both nobody comes between', async () => {
    let [inside, alone, turns] = [0, 0, 0]
    const enter = async (isAlone: boolean): Promise<void> => {
      expect(alone).toBe(0)
      if (isAlone) expect(inside).toBe(0)
      if (isAlone) alone++
      inside++
      for (let tick = 0; tick < turns % 7; tick++) await Promise.resolve()
      if (turns % 5 === 0) await pause(0)
      inside--
      if (isAlone) alone--
      turns++
    }
    const work = Array.from({ length: 300 }, (_, index) =>
      index % 4 === 0 ? bench.gate.alone(KEY, () => enter(true)) : bench.gate.write(KEY, () => enter(false)),
    )
    await Promise.all(work)
    expect(turns).toBe(300)
  })

  it('[KY-16] no row is lost by writers that never stop', async () => {
    const row = await bench.backUp(path, 'phone')
    let [written, isOver] = [0, false]
    const writing = (async () => {
      for (; !isOver; await pause(1))
        await bench.gate.write(KEY, async () => {
          const db = await openNow()
          db.prepare('INSERT INTO t VALUES(?)').run(`row ${++written}`)
          db.close()
        })
    })()
    const { reencryption, failures } = openReencryption(bench)
    for (let round = 0; round < 5; round++) {
      rotate()
      await reencryption.runAlone(() => undefined)
    }
    isOver = true
    await writing
    expect(failures).toEqual([])
    expect((await now()).copyId).not.toBe(row.copyId)
    const db = await openNow()
    expect(Number(db.prepare('SELECT count(*) FROM t').get()?.[0])).toBe(written + 1)
    db.close()
  })
})
