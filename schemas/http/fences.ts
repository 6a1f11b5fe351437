/**
 * Calls that fence a device, or take that back: by its owner, who has the account's password, or by the operator (ID-4).
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, deviceId, fenceReason } from './fields.ts'

const change = z
  .strictObject({ reason: fenceReason.nullable().meta({ description: 'Why, for people; null ends the fence.' }) })
  .meta({ id: 'FenceChange' })

export const fenceCalls = {
  setOwnFence: {
    method: 'put',
    path: '/api/v1/devices/{deviceId}/fence',
    summary: 'Fences a device of the account, e.g. a lost one, or takes that back',
    access: ['account'],
    params: z.strictObject({ deviceId }),
    body: change,
    status: 204,
    errors: ['device.unknown'],
  },
  setFence: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/fence',
    summary: 'Fences a device, or takes that back',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: change,
    status: 204,
    errors: ['account.unknown', 'device.unknown'],
  },
} as const satisfies Record<string, HttpCall>
