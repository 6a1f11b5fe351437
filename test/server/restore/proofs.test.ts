/** The nightly proof: what it finds, whose turn it is, and that nothing of it stays. Rule RS-19. */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import type { DatabaseKey } from '../../../server/catalogue/catalogue.ts'
import { sqlPastCopies } from '../../../server/catalogue/sqlite/pastCopies.ts'
import { sqlProofs } from '../../../server/catalogue/sqlite/proofs.ts'
import { type ProofParts, proveOldest } from '../../../server/restore/proofs.ts'
import { proveCopy } from '../../../server/restore/proveCopy.ts'
import { momentOf } from '../../../server/timeMachine/timeMachine.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { ACCOUNT, DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

let bench: RestoreBench
let failures: { readonly key: DatabaseKey; readonly cause: unknown }[]
let parts: ProofParts

beforeEach(async () => {
  bench = await openRestoreBench()
  failures = []
  parts = {
    ...{ databases: bench.databases, pastCopies: sqlPastCopies(bench.catalogue) },
    ...{ proofs: sqlProofs(bench.catalogue), keyRing: bench.keyRing },
    jobs: { proveCopy: (input) => proveCopy(input) },
    copyPath: bench.copyPath,
    imagePath: (imageId) => join(bench.dataDir, 'images', imageId),
    now: () => ++bench.clock.now,
    onFailure: (key, cause) => void failures.push({ key, cause }),
  }
})
afterEach(() => bench.close())

async function backUp(deviceId: string, sql: string): Promise<string> {
  const path = join(bench.folder, `${deviceId}.db`)
  rmSync(path, { force: true })
  buildZooDatabase({ name: deviceId, pragmas: [], sql }, path)
  return bench.copyPath((await bench.backUp(path, deviceId)).copyId)
}

const ROWS = `CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX t_x ON t(x);
  CREATE VIEW v AS SELECT * FROM t; CREATE VIRTUAL TABLE f USING fts5(x);
  WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 2000)
  INSERT INTO t SELECT n, hex(randomblob(90)) FROM c`
const proofOf = (deviceId: string) => parts.proofs.find({ accountId: ACCOUNT, deviceId, name: DATABASE })
const round = (maxBytes = Number.MAX_SAFE_INTEGER) => proveOldest(parts, maxBytes, () => false)

/** Flips a bit of the file, at this part of its length. */
function flip(path: string, part: number): void {
  const octets = readFileSync(path)
  const at = Math.floor(octets.length * part)
  octets[at] = (octets[at] ?? 0) ^ 1
  writeFileSync(path, octets)
}

/** Whose turn it is; what `tooLong` names takes longer than it may. */
function watched(tooLong?: string): { readonly seen: string[]; readonly turn: ProofParts } {
  const seen: string[] = []
  const prove: ProofParts['jobs']['proveCopy'] = async (input, { deviceId }) => {
    seen.push(deviceId)
    if (deviceId === tooLong) throw new CodedError('worker.limit', 'the work took longer than it may')
    return proveCopy(input)
  }
  return { seen, turn: { ...parts, jobs: { proveCopy: prove } } }
}

describe('[RS-19] the nightly proof', () => {
  it('proves what can be restored, and leaves nothing', async () => {
    await backUp('phone', ROWS)
    await backUp('till', 'CREATE TABLE t(x)')
    expect(await round()).toMatchObject({ proven: 2, failed: 0, unchecked: 0 })
    expect(await proofOf('phone')).toMatchObject({
      provenAt: expect.any(Number),
      token: expect.stringMatching(/^\w{32}$/),
    })
    expect(readdirSync(join(bench.dataDir, 'images'))).toEqual([])
    expect(failures).toEqual([])
  })

  it('finds each damaged copy, says so until it is healed, and goes on with the others', async () => {
    const path = await backUp('phone', ROWS)
    await backUp('till', ROWS)
    await round()
    const proven = await proofOf('phone')
    const octets = readFileSync(path)
    for (const at of [0.3, 0.6, 0.9]) {
      writeFileSync(path, octets)
      flip(path, at)
      expect(await round()).toMatchObject({ proven: 1, failed: 1 })
      const kept = await proofOf('phone')
      expect(kept).toMatchObject({ provenAt: proven?.provenAt, failure: expect.stringMatching(/./) })
      expect(await parts.proofs.countFailed()).toBe(1)
    }
    expect(failures.map(({ key }) => key.deviceId)).toEqual(['phone', 'phone', 'phone'])
    writeFileSync(path, octets)
    expect(await round()).toMatchObject({ proven: 2, failed: 0 })
    expect((await proofOf('phone'))?.failure).toBeUndefined()
    expect(await parts.proofs.countFailed()).toBe(0)
  })

  it('takes turns: those that wait longest come first, as far as the limit goes', async () => {
    for (const device of ['a', 'b', 'c']) await backUp(device, ROWS)
    const { seen, turn } = watched()
    for (let night = 0; night < 4; night++) await proveOldest(turn, 1, () => false)
    expect(seen).toEqual(['a', 'b', 'c', 'a'])
    expect(await proveOldest(turn, Number.MAX_SAFE_INTEGER, () => true)).toMatchObject({ proven: 0, sizeBytes: 0 })
  })

  it('gives the next one its turn when one cannot be judged', async () => {
    for (const device of ['huge', 'small']) await backUp(device, ROWS)
    const { seen, turn } = watched('huge')
    for (let night = 0; night < 3; night++) await proveOldest(turn, 1, () => false)
    expect(seen).toEqual(['huge', 'small', 'huge'])
    expect(failures).toEqual([])
    expect((await proofOf('huge'))?.failure).toBeUndefined()
  })

  it('looks at copies that were put aside, and says which state is damaged', async () => {
    const path = await backUp('phone', ROWS)
    const row = await bench.databases.get({ accountId: ACCOUNT, deviceId: 'phone', name: DATABASE })
    if (row !== undefined) await bench.timeMachine.putAside(row)
    await backUp('phone', ROWS)
    expect(await round()).toMatchObject({ proven: 2, failed: 0 })
    flip(path, 0.6)
    expect(await round()).toMatchObject({ proven: 1, failed: 1 })
    expect(await parts.proofs.countFailed()).toBe(1)
    expect((await proofOf('phone'))?.failure).toBeUndefined()
    const [shown] = await parts.proofs.list(ACCOUNT)
    expect(shown?.failure).toMatch(/^the state of \d{4}-/)
    // What is dropped is nobody's trouble any more.
    const points = await bench.timeMachine.listPoints({ accountId: ACCOUNT, deviceId: 'phone', name: DATABASE })
    await bench.timeMachine.dropPoints(
      { accountId: ACCOUNT, deviceId: 'phone', name: DATABASE },
      new Set(points.filter(({ isLatest }) => !isLatest).map(momentOf)),
    )
    expect(await parts.proofs.countFailed()).toBe(0)
    expect(await round()).toMatchObject({ proven: 1, failed: 0 })
  })

  it('says of a sealed file that it was read and not judged', async () => {
    const path = join(bench.folder, 'sealed.db')
    const db = new Database(path)
    db.function('notOurs', { deterministic: true, varargs: true }, () => 1)
    db.exec('CREATE TABLE t(x); CREATE INDEX t_x ON t(notOurs(x)); INSERT INTO t VALUES (1), (2)')
    db.close()
    expect(await bench.backUp(path, 'phone')).toMatchObject({ kind: 'file' })
    expect(await round()).toMatchObject({ proven: 0, unchecked: 1, failed: 0 })
    expect(await proofOf('phone')).toMatchObject({ provenAt: 0, token: '' })
  })
})
