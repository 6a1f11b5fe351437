/**
 * Calls about what a server proves itself with to a device that demands it (AC-15): by the owner, whose device makes the
 * password itself, or by the operator. A password is never given back.
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, deviceId } from './fields.ts'

const change = z
  .strictObject({ password: z.string().max(1024).nullable().meta({ description: 'null removes it.' }) })
  .meta({ id: 'ServerPassword' })

const reply = z
  .strictObject({ serverId: z.string().meta({ description: 'The name it logs in with.' }) })
  .meta({ id: 'ServerName' })

export const serverPasswordCalls = {
  setOwnServerPassword: {
    method: 'put',
    path: '/api/v1/devices/{deviceId}/server-password',
    summary: 'Sets the password that the server proves itself with to a device of the account, or removes it',
    access: ['account'],
    params: z.strictObject({ deviceId }),
    body: change,
    status: 200,
    reply,
    errors: ['device.unknown'],
  },
  setServerPassword: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/server-password',
    summary: 'Sets the password that the server proves itself with to a device, or removes it',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: change,
    status: 200,
    reply,
    errors: ['account.unknown', 'device.unknown'],
  },
} as const satisfies Record<string, HttpCall>
