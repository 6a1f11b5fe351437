/**
 * What accounts and devices use, in memory: read once from the catalogue's rows, and kept in step by whoever writes
 * those. Rules QT-2, QT-3.
 */

import { ACCOUNT_DEVICE, type DatabaseKey, type Databases, type PastCopies } from '../catalogue/catalogue.ts'
import type { QuotaRow, Quotas } from '../catalogue/quotas.ts'

/** What one device uses. */
export interface DeviceUsage {
  readonly databases: Map<string, number>
  readonly past: Map<string, number>
  storedBytes: number
}

/** What an account uses, and what was set for it and its devices. */
export interface AccountUsage {
  readonly devices: Map<string, DeviceUsage>
  storedBytes: number
  databases: number
  /** By device id; empty for the account itself. */
  readonly set: ReadonlyMap<string, QuotaRow>
  readonly readAt: number
}

export interface UsageMeter {
  /** What the account uses now. */
  read(accountId: string): Promise<AccountUsage>
  /** It is read anew when it is asked for next. */
  forget(accountId: string): void
  /** The same ports, whose writers keep the meter in step. */
  meterDatabases(databases: Databases): Databases
  meterPastCopies(pastCopies: PastCopies): PastCopies
}

/** Operators' commands write beside the server: what they did counts after this time, milliseconds. */
const FRESH_MS = 60_000

/** Accounts at hand; the one that was not asked for longest goes first. */
const MAX_ACCOUNTS = 2000

export function createUsageMeter(quotas: Quotas, now: () => number): UsageMeter {
  const held = new Map<string, AccountUsage>()
  const reading = new Map<string, Promise<AccountUsage>>()
  /** Accounts of copies that were put aside: a row that goes is named by its copy alone. */
  const ownerOf = new Map<string, { readonly accountId: string; readonly deviceId: string }>()

  const forget = (accountId: string): void => {
    for (const device of held.get(accountId)?.devices.values() ?? [])
      for (const copyId of device.past.keys()) ownerOf.delete(copyId)
    held.delete(accountId)
  }
  const read = async (accountId: string): Promise<AccountUsage> => {
    const known = held.get(accountId)
    if (known !== undefined && now() - known.readAt < FRESH_MS) return known
    const pending = reading.get(accountId) ?? readAccount(quotas, accountId, now())
    reading.set(accountId, pending)
    try {
      const found = await pending
      if (reading.get(accountId) === pending) {
        forget(accountId)
        held.set(accountId, found)
        for (const [deviceId, { past }] of found.devices)
          for (const copyId of past.keys()) ownerOf.set(copyId, { accountId, deviceId })
        for (const oldest of held.keys()) if (held.size > MAX_ACCOUNTS) forget(oldest)
      }
      return found
    } finally {
      reading.delete(accountId)
    }
  }
  const setDatabase = ({ accountId, deviceId, name }: DatabaseKey, sizeBytes: number | undefined): void => {
    const account = held.get(accountId)
    if (account === undefined) return
    const device = deviceOf(account, deviceId)
    const before = device.databases.get(name)
    if (sizeBytes === undefined) device.databases.delete(name)
    else device.databases.set(name, sizeBytes)
    if (deviceId !== ACCOUNT_DEVICE) account.databases += Number(sizeBytes !== undefined) - Number(before !== undefined)
    add(account, device, (sizeBytes ?? 0) - (before ?? 0))
  }
  const setPast = (copyId: string, owner: { accountId: string; deviceId: string }, sizeBytes: number): void => {
    const account = held.get(owner.accountId)
    if (account === undefined) return
    const device = deviceOf(account, owner.deviceId)
    add(account, device, sizeBytes - (device.past.get(copyId) ?? 0))
    device.past.set(copyId, sizeBytes)
    ownerOf.set(copyId, { accountId: owner.accountId, deviceId: owner.deviceId })
  }
  const removePast = (copyId: string): void => {
    const owner = ownerOf.get(copyId)
    const account = held.get(owner?.accountId ?? '')
    if (owner === undefined || account === undefined) return
    const device = deviceOf(account, owner.deviceId)
    add(account, device, -(device.past.get(copyId) ?? 0))
    device.past.delete(copyId)
    ownerOf.delete(copyId)
  }
  return {
    read,
    forget,
    meterDatabases: (databases) => ({
      ...databases,
      async put(row) {
        await databases.put(row)
        setDatabase(row, row.sizeBytes)
      },
      async switchCopy(row, fromCopyId) {
        const switched = await databases.switchCopy(row, fromCopyId)
        if (switched) setDatabase(row, row.sizeBytes)
        return switched
      },
      async remove(key) {
        await databases.remove(key)
        setDatabase(key, undefined)
      },
    }),
    meterPastCopies: (pastCopies) => ({
      ...pastCopies,
      async put(row) {
        await pastCopies.put(row)
        setPast(row.copyId, row, row.sizeBytes)
      },
      async remove(copyId) {
        await pastCopies.remove(copyId)
        removePast(copyId)
      },
    }),
  }
}

async function readAccount(quotas: Quotas, accountId: string, readAt: number): Promise<AccountUsage> {
  const [databases, past, rows] = await Promise.all([
    quotas.listDatabases(accountId),
    quotas.listPastCopies(accountId),
    quotas.list(accountId),
  ])
  const set = new Map(rows.map((row) => [row.deviceId, row]))
  const account: AccountUsage = { devices: new Map(), storedBytes: 0, databases: 0, set, readAt }
  for (const { deviceId, name, sizeBytes } of databases) {
    const device = deviceOf(account, deviceId)
    device.databases.set(name, sizeBytes)
    if (deviceId !== ACCOUNT_DEVICE) account.databases++
    add(account, device, sizeBytes)
  }
  for (const { deviceId, copyId, sizeBytes } of past) {
    const device = deviceOf(account, deviceId)
    device.past.set(copyId, sizeBytes)
    add(account, device, sizeBytes)
  }
  return account
}

function deviceOf(account: AccountUsage, deviceId: string): DeviceUsage {
  const known = account.devices.get(deviceId)
  if (known !== undefined) return known
  const device: DeviceUsage = { databases: new Map(), past: new Map(), storedBytes: 0 }
  account.devices.set(deviceId, device)
  return device
}

function add(account: AccountUsage, device: DeviceUsage, bytes: number): void {
  device.storedBytes += bytes
  account.storedBytes += bytes
}
