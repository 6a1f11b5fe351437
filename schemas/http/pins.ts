/** Calls that pin restore points (TM-15 to TM-17): an owner can pin, only the operator takes pins back. */

import { z } from 'zod'
import { MAX_PIN_REASON_CHARS } from '../limits.ts'
import { restorePoint } from './backups.ts'
import type { HttpCall } from './call.ts'
import { accountName, databaseName, deviceId, identifier } from './fields.ts'

const point = identifier.meta({ description: 'Name or number of a restore point, or `latest`.' })
const reason = z
  .string()
  .max(MAX_PIN_REASON_CHARS)
  .regex(/^\P{Cc}*$/u)

/** `…/points/{point}/pin`. */
export const pinCalls = {
  pinPoint: {
    method: 'post',
    path: '/api/v1/databases/{deviceId}/{name}/points/{point}/pin',
    summary: 'Pins a restore point; a device only those of its own databases',
    access: ['account', 'device'],
    params: z.strictObject({ deviceId, name: databaseName, point }),
    body: z.strictObject({ reason: reason.exactOptional() }).meta({ id: 'PinRequest' }),
    status: 200,
    reply: restorePoint,
    errors: ['database.unknown', 'restore.unknown', 'pin.limited'],
  },
  setAccountPin: {
    method: 'put',
    path: '/api/v1/accounts/{name}/databases/{deviceId}/{database}/points/{point}/pin',
    summary: 'Pins a restore point of an account, or takes a pin back',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId, database: databaseName, point }),
    body: z.strictObject({ pinned: z.boolean(), reason: reason.exactOptional() }).meta({ id: 'AccountPinRequest' }),
    status: 200,
    reply: restorePoint,
    errors: ['account.unknown', 'database.unknown', 'restore.unknown', 'pin.limited'],
  },
} as const satisfies Record<string, HttpCall>

export type PinRequest = z.infer<(typeof pinCalls)['pinPoint']['body']>
