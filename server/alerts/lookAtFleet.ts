/**
 * Looks at all databases and devices, and raises an alert where the state changed since it was last told: to bad, and
 * back (AL-2).
 */

import type { Health } from '../../schemas/health.ts'
import type { AccountService, RegisteredDevice } from '../account/accountService.ts'
import type { Alerts, HealthRow } from '../catalogue/alerts.ts'
import type { Databases, Proofs } from '../catalogue/catalogue.ts'
import { judgeHealth } from './health.ts'
import { openHealthJudge } from './healthJudge.ts'
import { type RaiseParts, raiseAlert } from './raiseAlerts.ts'

export interface LookParts extends RaiseParts {
  readonly accounts: Pick<AccountService, 'listAccounts' | 'listDevices'>
  readonly databases: Pick<Databases, 'list'>
  readonly proofs: Pick<Proofs, 'list'>
  readonly alerts: Pick<Alerts, 'raise' | 'listHealth' | 'putHealth' | 'removeHealth' | 'countHealth'>
  readonly staleAfterMs: number
}

/** What is told of one database, or of a device that has none. */
interface Subject {
  readonly deviceId: string
  readonly deviceName: string
  readonly name: string
  readonly health: Health
}

/** Devices of our own agent, which are there to back up databases: others may only synchronize. */
const AGENT = /^nf-/

/** Looks once; `stopped` ends it after the account at hand. @returns how many are in each state that is not well. */
export async function lookAtFleet(parts: LookParts, stopped: () => boolean): Promise<ReadonlyMap<string, number>> {
  for (const account of await parts.accounts.listAccounts()) {
    if (stopped()) break
    const devices = await parts.accounts.listDevices(account.accountId)
    const told = new Map(
      (await parts.alerts.listHealth(account.accountId)).map((row) => [keyOf(row.deviceId, row.name), row]),
    )
    // Who is stopped on purpose is not missed.
    const subjects = account.disabled ? [] : await judgeAccount(parts, account.accountId, devices)
    for (const subject of subjects) {
      const key = keyOf(subject.deviceId, subject.name)
      await tell(parts, account, subject, told.get(key))
      told.delete(key)
    }
    for (const { accountId, deviceId, name } of told.values())
      await parts.alerts.removeHealth({ accountId, deviceId, name })
  }
  return parts.alerts.countHealth()
}

async function judgeAccount(
  parts: LookParts,
  accountId: string,
  devices: readonly RegisteredDevice[],
): Promise<readonly Subject[]> {
  const { databases, proofs, staleAfterMs, clock } = parts
  const now = clock()
  const judge = await openHealthJudge(parts, accountId)
  const rows = await databases.list(accountId)
  const failures = new Map(
    (await proofs.list(accountId)).map((proof) => [keyOf(proof.deviceId, proof.name), proof.failure]),
  )
  const active = new Map(devices.filter(({ disabled, fence }) => !disabled && !fence).map((one) => [one.deviceId, one]))
  const held = rows.flatMap((row) => {
    const device = active.get(row.deviceId)
    const health = judge(row, failures.get(keyOf(row.deviceId, row.name)))
    return device ? [{ deviceId: row.deviceId, deviceName: device.name, name: row.name, health }] : []
  })
  const owners = new Set(rows.map(({ deviceId }) => deviceId))
  // A new one has as much time as any other.
  const without = [...active.values()].filter(
    ({ deviceId, createdAt }) => AGENT.test(deviceId) && !owners.has(deviceId) && now - createdAt > staleAfterMs,
  )
  const never = judgeHealth({}, staleAfterMs, now)
  return [...held, ...without.map(({ deviceId, name }) => ({ deviceId, deviceName: name, name: '', health: never }))]
}

async function tell(
  parts: LookParts,
  { accountId, name: accountName }: { readonly accountId: string; readonly name: string },
  { deviceId, deviceName, name, health }: Subject,
  last: HealthRow | undefined,
): Promise<void> {
  const before = last?.state ?? 'ok'
  if (before === health.state) return
  const key = { accountId, deviceId, name }
  const isGood = health.state === 'ok'
  const text = isGood ? `ok again, was ${before}` : `${health.state}: ${health.reason}`
  const severity = isGood ? ('good' as const) : ('bad' as const)
  // First the alert: a kill in between raises it again, and finds that it was raised.
  await raiseAlert(parts, { kind: 'health', severity, accountName, deviceId, deviceName, database: name, text })
  if (isGood) await parts.alerts.removeHealth(key)
  else await parts.alerts.putHealth({ ...last, ...key, state: health.state, since: parts.clock() })
}

function keyOf(deviceId: string, name: string): string {
  return JSON.stringify([deviceId, name])
}
