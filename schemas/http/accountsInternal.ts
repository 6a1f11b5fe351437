/**
 * Calls between a backup server and an account service that runs as a process of its own (AC-7): the port
 * `AccountService` over HTTP. Every one carries the shared service secret as bearer token; none is rate limited,
 * because the backup server already is at its own edge.
 */

import { z } from 'zod'
import { accountSummary, appPassword, deviceSecret, registeredDevice, tokenPair } from './accounts.ts'
import type { HttpCall } from './call.ts'
import { accountName, deviceId, deviceName, identifier } from './fields.ts'

/** Outside bounds are checked by the service itself, so that both ways of running it answer alike. */
const text = z.string().max(4096)

/** More than one message can have been made with. */
const MAX_NONCES = 16

export const syncmlCredentials = z
  .strictObject({
    userName: text,
    deviceId: text,
    scheme: z.enum(['basic', 'md5']),
    data: z.base64().max(8192),
    nonces: z.array(z.base64().max(8192)).max(MAX_NONCES).readonly(),
    verDtd: text,
  })
  .meta({ id: 'SyncmlCredentials' })

export const loginResult = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('accepted'),
      login: z.strictObject({ accountId: identifier, accountName, deviceId, ha1: z.base64() }),
    }),
    z.strictObject({ kind: z.literal('refused'), reason: z.enum(['unknown', 'wrong', 'disabled']) }),
  ])
  .meta({ id: 'LoginResult' })

const base = '/accounts/internal'

/** `/accounts/internal/*`: one call per method of the port that is not public. */
export const accountInternalCalls = {
  internalRegister: {
    method: 'post',
    path: `${base}/register`,
    summary: 'Registers an account',
    access: 'service',
    body: z.strictObject({ name: text, password: text }),
    status: 201,
    reply: accountSummary,
    errors: ['account.exists'],
  },
  internalLogin: {
    method: 'post',
    path: `${base}/login`,
    summary: 'Gives a token pair for name and password',
    access: 'service',
    body: z.strictObject({ name: text, password: text }),
    status: 200,
    reply: tokenPair,
  },
  internalRefresh: {
    method: 'post',
    path: `${base}/refresh`,
    summary: 'Exchanges a refresh token',
    access: 'service',
    body: z.strictObject({ refreshToken: text }),
    status: 200,
    reply: tokenPair,
  },
  internalRegisterDevice: {
    method: 'post',
    path: `${base}/devices/register`,
    summary: 'Registers a device of an account',
    access: 'service',
    body: z.strictObject({ accountId: identifier, name: deviceName, deviceId: text }),
    status: 201,
    reply: deviceSecret,
    errors: ['device.exists', 'account.unknown'],
  },
  internalLoginDevice: {
    method: 'post',
    path: `${base}/devices/login`,
    summary: 'Gives a token pair for a device id and its secret',
    access: 'service',
    body: z.strictObject({ deviceId: text, secret: text }),
    status: 200,
    reply: tokenPair,
  },
  internalCreateAppPassword: {
    method: 'post',
    path: `${base}/app-passwords`,
    summary: 'Makes an app password',
    access: 'service',
    body: z.strictObject({ accountName: text }),
    status: 201,
    reply: appPassword,
    errors: ['account.unknown'],
  },
  internalSetAccountDisabled: {
    method: 'post',
    path: `${base}/accounts/disabled`,
    summary: 'Disables or enables an account',
    access: 'service',
    body: z.strictObject({ name: text, disabled: z.boolean() }),
    status: 204,
    errors: ['account.unknown'],
  },
  internalSetDeviceDisabled: {
    method: 'post',
    path: `${base}/devices/disabled`,
    summary: 'Disables or enables a device',
    access: 'service',
    body: z.strictObject({ deviceId: text, disabled: z.boolean(), accountId: identifier.exactOptional() }),
    status: 204,
    errors: ['device.unknown'],
  },
  internalSetDeviceFence: {
    method: 'post',
    path: `${base}/devices/fence`,
    summary: 'Fences a device, or takes that back',
    access: 'service',
    body: z.strictObject({ accountId: identifier, deviceId: text, reason: text.nullable() }),
    status: 204,
    errors: ['device.unknown'],
  },
  internalRemoveAccount: {
    method: 'post',
    path: `${base}/remove-account`,
    summary: 'Removes an account with its devices, passwords and tokens',
    access: 'service',
    body: z.strictObject({ accountId: text }),
    status: 204,
  },
  internalListAccounts: {
    method: 'get',
    path: `${base}/accounts`,
    summary: 'Lists all accounts',
    access: 'service',
    status: 200,
    reply: z.strictObject({ accounts: z.array(accountSummary).readonly() }),
  },
  internalListDevices: {
    method: 'post',
    path: `${base}/devices/list`,
    summary: 'Lists the devices of an account',
    access: 'service',
    body: z.strictObject({ accountId: identifier }),
    status: 200,
    reply: z.strictObject({ devices: z.array(registeredDevice).readonly() }),
  },
  internalVerify: {
    method: 'post',
    path: `${base}/verify`,
    summary: 'Checks credentials of a SyncML peer',
    access: 'service',
    body: syncmlCredentials,
    status: 200,
    reply: loginResult,
  },
  internalEnabled: {
    method: 'post',
    path: `${base}/enabled`,
    summary: 'Tells whether a login that was accepted before still stands',
    access: 'service',
    body: z.strictObject({ accountId: text, deviceId: text }),
    status: 200,
    reply: z.strictObject({ enabled: z.boolean() }),
  },
} as const satisfies Record<string, HttpCall>
