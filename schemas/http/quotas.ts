/**
 * Calls about quotas: what an account and its devices may use, and what they do use. The owner reads, the operator sets.
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, byteCount, deviceId } from './fields.ts'

const count = z.int().min(0).max(1_000_000_000)

export const quotaLimits = z
  .strictObject({
    storedMb: count.meta({ description: 'What is stored, older states included, in MB; 0 any.' }),
    databases: count.meta({ description: 'Number of databases; 0 any.' }),
    uploadMb: count.meta({ description: 'One compressed upload, in MB; 0 any.' }),
    sessionsPerHour: count.meta({ description: 'Sessions begun in an hour; 0 any.' }),
  })
  .meta({ id: 'QuotaLimits' })

export const quotaChange = z
  .strictObject({
    storedMb: count.nullable().exactOptional(),
    databases: count.nullable().exactOptional(),
    uploadMb: count.nullable().exactOptional(),
    sessionsPerHour: count.nullable().exactOptional(),
  })
  .meta({ id: 'QuotaChange', description: 'What is absent stays; null goes back to the default of the server.' })

export const quotaState = z
  .strictObject({
    storedBytes: byteCount,
    databases: z.int().min(0),
    sessionsLastHour: z.int().min(0),
    limits: quotaLimits,
    own: z
      .array(z.enum(['storedMb', 'databases', 'uploadMb', 'sessionsPerHour']))
      .readonly()
      .meta({
        description: 'Limits that were set here; the others are defaults.',
      }),
    level: z.enum(['free', 'near', 'full', 'refused']).meta({
      description:
        'near: 90 % is used. full: nothing new is taken, changes are. refused: beyond 125 %, changes are refused, too.',
    }),
  })
  .meta({ id: 'QuotaState' })

export const quotaReport = z
  .strictObject({
    account: quotaState,
    devices: z.array(quotaState.extend({ deviceId }).meta({ id: 'DeviceQuotaState' })).readonly(),
  })
  .meta({ id: 'QuotaReport' })

export const quotaCalls = {
  readOwnQuota: {
    method: 'get',
    path: '/api/v1/quota',
    summary: 'What the account may use and what it uses; a device sees itself and the account',
    access: ['account', 'device'],
    status: 200,
    reply: quotaReport,
  },
  readQuota: {
    method: 'get',
    path: '/api/v1/accounts/{name}/quota',
    summary: 'What an account and its devices may use and what they use',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 200,
    reply: quotaReport,
    errors: ['account.unknown'],
  },
  setAccountQuota: {
    method: 'put',
    path: '/api/v1/accounts/{name}/quota',
    summary: 'Sets what an account may use',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    body: quotaChange,
    status: 204,
    errors: ['account.unknown'],
  },
  setDeviceQuota: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/quota',
    summary: 'Sets what a device may use',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: quotaChange,
    status: 204,
    errors: ['account.unknown'],
  },
} as const satisfies Record<string, HttpCall>

export type QuotaLimits = z.infer<typeof quotaLimits>
export type QuotaChange = z.infer<typeof quotaChange>
export type QuotaState = z.infer<typeof quotaState>
export type QuotaReport = z.infer<typeof quotaReport>
