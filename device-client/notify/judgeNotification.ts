/** Whether a notification is to be believed (DC-81), and which backups it asks for (DC-82). Pure. */

import { CodedError } from '../../schemas/errors.ts'
import { databaseUri } from '../../schemas/syncml/databaseUri.ts'
import type { AlertedSync } from '../../schemas/syncml/notification.ts'
import { openWakeUp, type WakeUp } from '../../schemas/syncml/wakeUp.ts'

/** The last notification this device obeyed. */
export interface LastNotification {
  readonly serverId: string
  /** Server's time, milliseconds since 1970. */
  readonly issuedAt: number
}

/** One backup that is asked for. */
export interface WantedBackup {
  readonly database: string
  /** The whole file. */
  readonly full: boolean
}

/**
 * The notification, if this device's own server made it and it is newer than the last one.
 *
 * @throws {CodedError} `auth.invalid` for a wrong digest, another server or an old notification; `protocol.*` if it
 *   cannot be read.
 */
export function judgeNotification(octets: Uint8Array, ha1: string, last: LastNotification | undefined): WakeUp {
  const wakeUp = openWakeUp(octets, ha1)
  const fields = { serverId: wakeUp.serverId, issuedAt: wakeUp.issuedAt }
  if (last !== undefined && wakeUp.serverId !== last.serverId) {
    throw new CodedError('auth.invalid', 'the notification is of another server', { fields })
  }
  if (last !== undefined && wakeUp.issuedAt <= last.issuedAt) {
    throw new CodedError('auth.invalid', 'the notification was obeyed before', { fields })
  }
  return wakeUp
}

/** The backups of `databases` that are asked for; what this device does not have is not among them. */
export function wantedBackups(syncs: readonly AlertedSync[], databases: readonly string[]): readonly WantedBackup[] {
  if (syncs.length === 0) return databases.map((database) => ({ database, full: false }))
  return databases.flatMap((database) => {
    const uri = databaseUri(database)
    const types = syncs.filter(({ serverUri }) => serverUri === uri).map(({ type }) => type)
    // The device gives and never takes: other types are nothing it could do.
    if (!types.includes(207) && !types.includes(208)) return []
    return [{ database, full: types.includes(208) }]
  })
}
