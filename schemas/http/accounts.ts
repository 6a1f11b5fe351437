/**
 * Calls of the account service that people and devices make: register, log in, register devices.
 * A device's secret and an app password appear in exactly one answer and never again (AC-2).
 */

import { z } from 'zod'
import type { HttpCall } from './call.ts'
import { accountName, deviceId, deviceName, fenceReason, identifier, password, timestamp } from './fields.ts'

export const accountSummary = z
  .strictObject({ accountId: identifier, name: accountName, createdAt: timestamp, disabled: z.boolean() })
  .meta({ id: 'Account' })

export const registeredDevice = z
  .strictObject({
    deviceId,
    name: deviceName,
    createdAt: timestamp,
    disabled: z.boolean(),
    fence: z
      .strictObject({ reason: fenceReason, since: timestamp })
      .exactOptional()
      .meta({ description: 'There if the device is fenced (ID-4).' }),
  })
  .meta({ id: 'Device' })

export const tokenPair = z
  .strictObject({
    accessToken: z.string(),
    refreshToken: z.string(),
    expiresIn: z.int().positive().meta({ description: 'Seconds the access token is valid.' }),
  })
  .meta({ id: 'TokenPair' })

export const deviceSecret = z
  .strictObject({ device: registeredDevice, secret: z.string().meta({ description: 'Shown once.' }) })
  .meta({ id: 'DeviceSecret' })

export const appPassword = z
  .strictObject({ user: accountName, password: z.string().meta({ description: 'Shown once.' }) })
  .meta({ id: 'AppPassword' })

export const jsonWebKeySet = z
  .strictObject({ keys: z.array(z.record(z.string(), z.unknown())).readonly() })
  .meta({ id: 'JsonWebKeySet' })

const secretText = z.string().min(1).max(1024)

/** `/accounts/*` without the internal part. */
export const accountCalls = {
  register: {
    method: 'post',
    path: '/accounts',
    summary: 'Registers an account',
    access: 'anyone',
    body: z.strictObject({ name: accountName, password }).meta({ id: 'Registration' }),
    status: 201,
    reply: accountSummary,
    errors: ['account.exists', 'auth.limited'],
  },
  login: {
    method: 'post',
    path: '/accounts/login',
    summary: 'Gives a token pair for name and password',
    access: 'anyone',
    body: z.strictObject({ name: z.string().min(1).max(64), password: secretText }).meta({ id: 'Login' }),
    status: 200,
    reply: tokenPair,
    errors: ['auth.limited'],
  },
  refresh: {
    method: 'post',
    path: '/accounts/refresh',
    summary: 'Exchanges a refresh token, which works once, for a new token pair',
    access: 'anyone',
    body: z.strictObject({ refreshToken: secretText }).meta({ id: 'Refresh' }),
    status: 200,
    reply: tokenPair,
  },
  registerDevice: {
    method: 'post',
    path: '/accounts/devices',
    summary: 'Registers a device of the account and gives its secret',
    access: ['account'],
    body: z.strictObject({ name: deviceName, deviceId }).meta({ id: 'DeviceRegistration' }),
    status: 201,
    reply: deviceSecret,
    errors: ['device.exists'],
  },
  listOwnDevices: {
    method: 'get',
    path: '/accounts/devices',
    summary: 'Lists the devices of the account',
    access: ['account', 'device'],
    status: 200,
    reply: z.strictObject({ devices: z.array(registeredDevice).readonly() }).meta({ id: 'DeviceList' }),
  },
  loginDevice: {
    method: 'post',
    path: '/accounts/devices/login',
    summary: 'Gives a token pair for a device id and its secret',
    access: 'anyone',
    body: z.strictObject({ deviceId, secret: secretText }).meta({ id: 'DeviceLogin' }),
    status: 200,
    reply: tokenPair,
    errors: ['auth.limited'],
  },
  createOwnAppPassword: {
    method: 'post',
    path: '/accounts/app-passwords',
    summary: 'Makes a password for classic SyncML clients of the account',
    access: ['account'],
    status: 201,
    reply: appPassword,
  },
  jwks: {
    method: 'get',
    path: '/accounts/jwks.json',
    summary: 'The public keys that tokens are verified with (RFC 7517)',
    access: 'anyone',
    status: 200,
    reply: jsonWebKeySet,
  },
} as const satisfies Record<string, HttpCall>
