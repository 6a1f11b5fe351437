/** The sums of quotas follow the catalogue's rows, whatever is written in whatever order. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ACCOUNT_DEVICE, type DatabaseRow, type PastCopyRow } from '../../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlPastCopies } from '../../../server/catalogue/sqlite/pastCopies.ts'
import { sqlQuotas } from '../../../server/catalogue/sqlite/quotas.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { type AccountUsage, createUsageMeter } from '../../../server/quota/usageMeter.ts'
import fc from '../../support/properties.ts'

const accounts = ['a1', 'a2']
const devices = ['d1', 'd2', ACCOUNT_DEVICE]
const size = fc.nat({ max: 1_000_000 })
const keyArb = fc.record({
  accountId: fc.constantFrom(...accounts),
  deviceId: fc.constantFrom(...devices),
  name: fc.constantFrom('app', 'shop'),
})
const stepArb = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key: keyArb, size }),
  fc.record({
    kind: fc.constant('switch' as const),
    key: keyArb,
    size,
    from: fc.constantFrom('none', 'right', 'wrong'),
  }),
  fc.record({ kind: fc.constant('remove' as const), key: keyArb }),
  fc.record({ kind: fc.constant('aside' as const), key: keyArb, size, copy: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('drop' as const), copy: fc.nat({ max: 5 }) }),
  fc.record({ kind: fc.constant('look' as const) }),
)

const position = { lineage: 'a'.repeat(32), number: 1, token: 'b'.repeat(32) }
const rowOf = (key: { accountId: string; deviceId: string; name: string }, sizeBytes: number): DatabaseRow => ({
  ...{ ...key, ...position, copyId: `copy of ${JSON.stringify(key)}`, kind: 'sql', wrappedKey: 'k', sizeBytes },
  ...{ lastBackupAt: 1, lastMode: 'full', createdAt: 1 },
})

function shape({ devices: byId, storedBytes, databases }: AccountUsage) {
  const found = [...byId].map(([id, device]) => ({
    ...{ id, storedBytes: device.storedBytes },
    names: [...device.databases].toSorted(),
    past: [...device.past].toSorted(),
  }))
  const used = found.filter(({ names, past }) => names.length + past.length > 0)
  return { storedBytes, databases, devices: used.toSorted((a, b) => a.id.localeCompare(b.id)) }
}

it('[QT-2, QT-3] what is held in memory is what the rows say', { timeout: 60_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightferry-quota-'))
  const db = await openCatalogue(dir, openKeyRing({ dataDir: dir }).keyRing)
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArb, { maxLength: 30 }), async (steps) => {
        await db.deleteFrom('database').execute()
        await db.deleteFrom('pastCopy').execute()
        const meter = createUsageMeter(sqlQuotas(db), () => 0)
        const databases = meter.meterDatabases(sqlDatabases(db))
        const past = meter.meterPastCopies(sqlPastCopies(db))
        for (const step of steps) {
          if (step.kind === 'put') await databases.put(rowOf(step.key, step.size))
          else if (step.kind === 'remove') await databases.remove(step.key)
          else if (step.kind === 'switch') {
            const row = rowOf(step.key, step.size)
            const from = { none: undefined, right: row.copyId, wrong: 'another' }[step.from]
            await databases.switchCopy(row, from)
          } else if (step.kind === 'aside') {
            const { accountId } = step.key
            // A copy has one owner for all its life.
            const copyId = `${accountId}-${step.key.deviceId}-${step.copy}`
            const row = {
              ...step.key,
              ...position,
              copyId,
              kind: 'sql' as const,
              wrappedKey: 'k',
              sizeBytes: step.size,
            }
            const kept: PastCopyRow = { ...row, takenAt: 1, endedAt: 1 }
            await past.put(kept)
          } else if (step.kind === 'drop') await past.remove(`a1-d1-${step.copy}`)
          else for (const accountId of accounts) await meter.read(accountId)
        }
        const anew = createUsageMeter(sqlQuotas(db), () => 0)
        for (const accountId of accounts)
          expect(shape(await meter.read(accountId))).toEqual(shape(await anew.read(accountId)))
      }),
      { numRuns: 60 },
    )
  } finally {
    await db.destroy()
    rmSync(dir, { recursive: true, force: true })
  }
})

it('[QT-3] what another process wrote counts within a minute', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightferry-quota-'))
  const { keyRing } = openKeyRing({ dataDir: dir })
  const [db, other] = [await openCatalogue(dir, keyRing), await openCatalogue(dir, keyRing)]
  let now = 0
  try {
    const meter = createUsageMeter(sqlQuotas(db), () => now)
    expect((await meter.read('a1')).storedBytes).toBe(0)
    await sqlDatabases(other).put(rowOf({ accountId: 'a1', deviceId: 'd1', name: 'app' }, 77))
    now = 59_999
    expect((await meter.read('a1')).storedBytes).toBe(0)
    now = 60_000
    expect((await meter.read('a1')).storedBytes).toBe(77)
  } finally {
    await Promise.all([db.destroy(), other.destroy()])
    rmSync(dir, { recursive: true, force: true })
  }
})
