/**
 * Calls for the operator of a server, and the description of the whole interface.
 */

import { z } from 'zod'
import { MAX_ALERTED_SYNCS, MAX_TRACE_HOURS } from '../limits.ts'
import { ALERTED_SYNC_NAMES } from '../syncml/notification.ts'
import { utf8Length } from '../utf8.ts'
import { accountCalls, accountSummary, appPassword, registeredDevice } from './accounts.ts'
import { backupCalls } from './backups.ts'
import type { HttpCall } from './call.ts'
import { accountName, byteCount, databaseName, deviceId, identifier, modificationNumber, timestamp } from './fields.ts'

export const wakeRequest = z
  .strictObject({
    syncs: z
      .array(
        z.strictObject({
          serverUri: z
            .string()
            .min(1)
            .refine((uri) => utf8Length(uri) <= 255, 'at most 255 octets')
            .meta({ description: "Datastore as in the client's profile, e.g. ./databases/app or ./contacts." }),
          type: z.enum(ALERTED_SYNC_NAMES).meta({ description: 'Sync types 206 to 210.' }),
        }),
      )
      .max(MAX_ALERTED_SYNCS)
      .readonly()
      .meta({ description: 'Empty: everything the device keeps here.' }),
  })
  .meta({ id: 'WakeRequest' })

export const issuedWakeUp = z
  .strictObject({ issuedAt: timestamp, sessionId: z.int().min(1).max(65_535) })
  .meta({ id: 'WakeUp' })

export const tracedExchange = z
  .strictObject({
    at: timestamp,
    direction: z.enum(['received', 'sent']),
    sessionId: z.string(),
    msgId: z.int().nonnegative().meta({ description: "MsgID of the client's message." }),
    encoding: z.enum(['xml', 'wbxml']),
    remoteAddress: z.string(),
    sizeBytes: byteCount,
    xml: z.string().meta({ description: 'Redacted; empty if the message could not be read.' }),
    cut: z.boolean().meta({ description: 'There was more.' }),
  })
  .meta({ id: 'TracedMessage' })

export const traceState = z
  .strictObject({ since: timestamp, until: timestamp.meta({ description: 'Messages are noted before this moment.' }) })
  .meta({ id: 'TraceState' })

export const deviceTrace = traceState
  .extend({ messages: z.array(tracedExchange).readonly() })
  .meta({ id: 'DeviceTrace' })

export const pruneReport = z
  .strictObject({
    databases: z
      .array(
        z.strictObject({
          accountName,
          deviceId,
          name: databaseName,
          points: z
            .array(
              z.strictObject({
                point: identifier,
                number: modificationNumber,
                takenAt: timestamp,
                reasons: z
                  .array(z.string())
                  .readonly()
                  .meta({ description: 'What keeps it, such as daily; none if it is dropped.' }),
              }),
            )
            .readonly(),
          freedBytes: byteCount.meta({ description: 'Octets given back, or free for what comes.' }),
        }),
      )
      .readonly()
      .meta({ description: 'Databases of which points are dropped.' }),
    failed: z.int().min(0).meta({ description: 'Databases whose points could not be looked at; the log says why.' }),
  })
  .meta({ id: 'PruneReport' })

/** `/api/v1/accounts*`, `/api/v1/devices`, `/api/v1/openapi.json`. */
export const operatorCalls = {
  listAccounts: {
    method: 'get',
    path: '/api/v1/accounts',
    summary: 'Lists all accounts',
    access: ['operator'],
    status: 200,
    reply: z.strictObject({ accounts: z.array(accountSummary).readonly() }).meta({ id: 'AccountList' }),
  },
  addAccount: {
    method: 'post',
    path: '/api/v1/accounts',
    summary: 'Adds an account',
    access: ['operator'],
    body: accountCalls.register.body,
    status: 201,
    reply: accountSummary,
    errors: ['account.exists'],
  },
  setAccountDisabled: {
    method: 'put',
    path: '/api/v1/accounts/{name}/disabled',
    summary: 'Disables or enables an account with all its devices',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    body: z.strictObject({ disabled: z.boolean() }).meta({ id: 'Disabled' }),
    status: 204,
    errors: ['account.unknown'],
  },
  addAppPassword: {
    method: 'post',
    path: '/api/v1/accounts/{name}/app-passwords',
    summary: 'Makes a password for classic SyncML clients of an account',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 201,
    reply: appPassword,
    errors: ['account.unknown'],
  },
  listDevices: {
    method: 'get',
    path: '/api/v1/devices',
    summary: 'Lists the devices of all accounts',
    access: ['operator'],
    status: 200,
    reply: z
      .strictObject({
        devices: z.array(registeredDevice.extend({ accountName }).meta({ id: 'AccountDevice' })).readonly(),
      })
      .meta({ id: 'AccountDeviceList' }),
  },
  setDeviceDisabled: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/disabled',
    summary: 'Disables or enables one device of an account',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: z.strictObject({ disabled: z.boolean() }),
    status: 204,
    errors: ['account.unknown', 'device.unknown'],
  },
  listAccountDatabases: {
    method: 'get',
    path: '/api/v1/accounts/{name}/databases',
    summary: 'Lists the databases of all devices of an account',
    access: ['operator'],
    params: z.strictObject({ name: accountName }),
    status: 200,
    reply: backupCalls.listDatabases.reply,
    errors: ['account.unknown'],
  },
  listAccountPoints: {
    method: 'get',
    path: '/api/v1/accounts/{name}/databases/{deviceId}/{database}/points',
    summary: 'Lists the moments a database of an account can be restored to, newest first',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId, database: databaseName }),
    status: 200,
    reply: backupCalls.listPoints.reply,
    errors: ['account.unknown', 'database.unknown'],
  },
  prune: {
    method: 'post',
    path: '/api/v1/prune',
    summary: 'Drops the restore points that the policy does not keep, or says which those are',
    access: ['operator'],
    body: z.strictObject({ dryRun: z.boolean() }).meta({ id: 'PruneRequest' }),
    status: 200,
    reply: pruneReport,
  },
  allowEmpty: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/datastores/{datastore}/allow-empty',
    summary: 'Lets a device empty a datastore, or be emptied by it, once; or takes that back',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId, datastore: databaseName }),
    body: z.strictObject({ allowed: z.boolean() }).meta({ id: 'AllowEmpty' }),
    status: 204,
    errors: ['account.unknown', 'datastore.unknown'],
  },
  wakeDevice: {
    method: 'post',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/wake',
    summary: 'Asks a device to synchronize now, by a notification',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: wakeRequest,
    status: 201,
    reply: issuedWakeUp,
    errors: ['account.unknown', 'device.unknown'],
  },
  setTrace: {
    method: 'put',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/trace',
    summary: "Notes a device's messages for some hours, or ends that",
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    body: z
      .strictObject({ hours: z.int().min(0).max(MAX_TRACE_HOURS).meta({ description: '0 ends it.' }) })
      .meta({ id: 'TraceRequest' }),
    status: 200,
    reply: traceState,
    errors: ['account.unknown', 'trace.limited'],
  },
  readTrace: {
    method: 'get',
    path: '/api/v1/accounts/{name}/devices/{deviceId}/trace',
    summary: 'The messages that were noted, redacted, oldest first',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId }),
    status: 200,
    reply: deviceTrace,
    errors: ['account.unknown', 'storage.corrupt'],
  },
  openApi: {
    method: 'get',
    path: '/api/v1/openapi.json',
    summary: 'This interface as an OpenAPI 3.1 document',
    access: 'anyone',
    status: 200,
    reply: z.record(z.string(), z.unknown()).meta({ id: 'OpenApi' }),
  },
} as const satisfies Record<string, HttpCall>

export type PruneReport = z.infer<typeof pruneReport>
export type WakeRequest = z.infer<typeof wakeRequest>
export type IssuedWakeUp = z.infer<typeof issuedWakeUp>
export type TracedExchange = z.infer<typeof tracedExchange>
export type TraceState = z.infer<typeof traceState>
export type DeviceTrace = z.infer<typeof deviceTrace>
