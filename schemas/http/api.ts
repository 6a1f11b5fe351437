/**
 * Every REST call of the server, by name. `POST /omads` (SyncML), `/livez`, `/readyz` and `/metrics` are not among
 * them: they speak other formats.
 */

import { accountCalls } from './accounts.ts'
import { accountInternalCalls } from './accountsInternal.ts'
import { alertCalls } from './alerts.ts'
import { backupCalls } from './backups.ts'
import { datastoreCalls } from './datastores.ts'
import { deliveryCalls } from './deliveries.ts'
import { diffCalls } from './diff.ts'
import { erasureCalls } from './erasures.ts'
import { fenceCalls } from './fences.ts'
import { installationCalls } from './installation.ts'
import { keyCalls } from './keys.ts'
import { notificationCalls } from './notifications.ts'
import { operatorCalls } from './operator.ts'
import { pinCalls } from './pins.ts'
import { quotaCalls } from './quotas.ts'
import { serverPasswordCalls } from './serverPasswords.ts'
import { verifyCalls } from './verify.ts'

/** Calls that anybody may know about: what the OpenAPI document lists. */
export const publicCalls = {
  ...accountCalls,
  ...backupCalls,
  ...datastoreCalls,
  ...deliveryCalls,
  ...fenceCalls,
  ...installationCalls,
  ...notificationCalls,
  ...serverPasswordCalls,
  ...pinCalls,
  ...diffCalls,
  ...operatorCalls,
  ...quotaCalls,
  ...keyCalls,
  ...erasureCalls,
  ...alertCalls,
  ...verifyCalls,
} as const

/** All calls, with those between a backup server and a separate account service. */
export const calls = { ...publicCalls, ...accountInternalCalls } as const

export type CallName = keyof typeof calls
export type CallOf<Name extends CallName> = (typeof calls)[Name]
