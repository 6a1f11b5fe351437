/** What tests of notifications share: a catalogue with one device that logged in, a clock, and a log. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { ha1 } from '../../../schemas/syncml/credential.ts'
import type { DatabaseRow, KnownLogin } from '../../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { sqlNotifications } from '../../../server/catalogue/sqlite/notifications.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import type { Logger } from '../../../server/logger.ts'

export const DEVICE = { accountId: 'a1', deviceId: 'IMEI:1' } as const
export const HA1 = ha1('anna', 'secret of the device')

export interface PushBench {
  readonly time: { now: number }
  readonly clock: () => number
  readonly lines: string[]
  readonly log: Logger
  readonly knownLogins: ReturnType<typeof sqlKnownLogins>
  readonly databases: ReturnType<typeof sqlDatabases>
  readonly notifications: ReturnType<typeof sqlNotifications>
  /** Another process on the same folder, or this one after a restart. */
  openAgain(): Promise<ReturnType<typeof sqlNotifications>>
}

/** A fresh folder with the device `DEVICE`; gone after the test. */
export async function openPushBench({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<PushBench> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-push-'))
  const { keyRing } = openKeyRing({ dataDir: folder })
  const opened = [await openCatalogue(folder, keyRing)]
  const [db] = opened as [(typeof opened)[number]]
  onTestFinished(async () => {
    for (const one of opened) await one.destroy()
    rmSync(folder, { recursive: true, force: true })
  })
  const time = { now: 1_000_000 }
  const lines: string[] = []
  const line = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`)
  const bench: PushBench = {
    time,
    clock: () => time.now,
    lines,
    log: { debug: line, info: line, warn: line, error: line },
    knownLogins: sqlKnownLogins(db),
    databases: sqlDatabases(db),
    notifications: sqlNotifications(db),
    openAgain: async () => {
      const again = await openCatalogue(folder, keyRing)
      opened.push(again)
      return sqlNotifications(again)
    },
  }
  await bench.knownLogins.put(loginOf(DEVICE.deviceId))
  return bench
}

/** A login of account `a1`. */
export function loginOf(deviceId: string): KnownLogin {
  return {
    ...{ userName: 'anna', accountName: 'anna', accountId: DEVICE.accountId, deviceId, ha1: HA1 },
    ...{ lastAccessAt: 1, enabled: true, checkedAt: 1 },
  }
}

/** A database of account `a1`. */
export function databaseOf(deviceId: string, name: string, lastBackupAt: number): DatabaseRow {
  return {
    ...{ accountId: DEVICE.accountId, deviceId, name, copyId: `${deviceId} ${name}`, kind: 'sql', wrappedKey: 'w' },
    ...{ lineage: 'a'.repeat(32), number: 1, token: 'b'.repeat(32), sizeBytes: 1 },
    ...{ lastBackupAt, lastMode: 'full', createdAt: 1 },
  }
}
