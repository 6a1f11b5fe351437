/**
 * Calls about the copies: what is backed up, which moments can be restored, and a restore from ticket to confirmation
 * (RS-1 to RS-8). A caller sees only its own account, a device only what is its own there (ID-1).
 */

import { z } from 'zod'
import { BACKUP_METHODS, TIME_MACHINE_CHOICES } from '../backupChoice.ts'
import { MAX_PIN_REASON_CHARS, MAX_TOKEN_CHARS } from '../limits.ts'
import { segmentCompression } from '../restore/segmentMap.ts'
import type { HttpCall } from './call.ts'
import {
  byteCount,
  databaseName,
  deviceId,
  deviceName,
  identifier,
  modificationNumber,
  timestamp,
  token32,
} from './fields.ts'
import { verification } from './verify.ts'

export const databaseSummary = z
  .strictObject({
    deviceId,
    deviceName,
    name: databaseName,
    kind: z
      .enum(['sql', 'file'])
      .meta({ description: 'Tables that take Deltas, or a file that is sent whole (BK-6).' }),
    number: modificationNumber,
    lineage: token32,
    sizeBytes: byteCount,
    lastBackupAt: timestamp,
    lastMode: z.enum(['full', 'delta', 'restore']).meta({ description: 'How the copy came to where it stands.' }),
    reason: z.string().max(1000).exactOptional().meta({ description: 'Why it is kept as a file.' }),
    method: z.enum(BACKUP_METHODS).exactOptional().meta({ description: 'How its device backs it up.' }),
    timeMachine: z
      .enum(TIME_MACHINE_CHOICES)
      .exactOptional()
      .meta({ description: 'Whether older states are kept, as its device said last.' }),
    health: z
      .strictObject({
        state: z.enum(['ok', 'late', 'failing', 'never', 'unproven']),
        reason: z.string().max(1200).meta({ description: 'For people; empty if all is well.' }),
      })
      .meta({ description: 'How safe it is (AL-1).' }),
    provenAt: timestamp.exactOptional().meta({ description: 'When the server last restored it as a proof.' }),
    proofFailure: z
      .string()
      .max(1000)
      .exactOptional()
      .meta({ description: 'Why it could not be restored when that was last tried.' }),
    guardedAt: timestamp
      .exactOptional()
      .meta({ description: 'When the server last pinned a point because a table lost most of its rows (TM-18).' }),
    verification: verification.exactOptional().meta({ description: 'What its device last found when it compared.' }),
  })
  .meta({ id: 'Database' })

export const restorePoint = z
  .strictObject({
    point: identifier.meta({ description: 'What a restore names; `latest` is always there.' }),
    number: modificationNumber,
    lineage: token32,
    takenAt: timestamp,
    sizeBytes: byteCount,
    pin: z
      .strictObject({
        by: z.enum(['operator', 'owner', 'guard']),
        reason: z.string().max(MAX_PIN_REASON_CHARS),
        at: timestamp,
      })
      .exactOptional()
      .meta({ description: 'It stays, whatever the policy says.' }),
  })
  .meta({ id: 'RestorePoint' })

export const restoreRequest = z
  .strictObject({
    database: databaseName,
    fromDeviceId: deviceId.exactOptional().meta({ description: 'The device whose copy is wanted; else the caller.' }),
    accountToken: z.string().max(MAX_TOKEN_CHARS).exactOptional().meta({
      description:
        "An access token of the account: the copy of another device is given to who has the account's password.",
    }),
    point: identifier.exactOptional().meta({ description: 'A restore point; else the latest.' }),
    compressions: z
      .array(segmentCompression)
      .max(8)
      .readonly()
      .exactOptional()
      .meta({ description: 'What the device can open; without it, gzip alone.' }),
  })
  .meta({ id: 'RestoreRequest' })

const resultingPosition = { lineage: token32, number: modificationNumber, token: token32 }

export const restoreTicket = z
  .strictObject({
    restoreId: identifier,
    segmentMap: z.string().meta({ description: 'Compact JWS (EdDSA) that lists every segment (WF-21).' }),
    contentKey: z.base64url().meta({ description: '256-bit key of the sealed segments, base64url.' }),
    signingKeys: z
      .array(z.strictObject({ kty: z.string(), crv: z.string(), x: z.string(), kid: z.string(), alg: z.string() }))
      .readonly()
      .exactOptional()
      .meta({
        description: 'Public keys (RFC 7517) that the map is verified with; a device keeps those of its server.',
      }),
    segments: z.int().positive(),
    sizeBytes: byteCount.meta({ description: 'Size of the plain database file.' }),
    ...resultingPosition,
  })
  .meta({ id: 'RestoreTicket' })

export const restoreCompletion = z.strictObject(resultingPosition).meta({ id: 'RestoreCompletion' })

/** `/api/v1/databases*` and `/api/v1/restores*`. */
export const backupCalls = {
  listDatabases: {
    method: 'get',
    path: '/api/v1/databases',
    summary: 'Lists the databases of all devices of the account; to a device its own and those of the account itself',
    access: ['account', 'device'],
    status: 200,
    reply: z.strictObject({ databases: z.array(databaseSummary).readonly() }).meta({ id: 'DatabaseList' }),
  },
  listPoints: {
    method: 'get',
    path: '/api/v1/databases/{deviceId}/{name}/points',
    summary: 'Lists the moments a database can be restored to, newest first',
    access: ['account', 'device'],
    params: z.strictObject({ deviceId, name: databaseName }),
    status: 200,
    reply: z.strictObject({ points: z.array(restorePoint).readonly() }).meta({ id: 'RestorePointList' }),
    errors: ['database.unknown'],
  },
  createRestore: {
    method: 'post',
    path: '/api/v1/restores',
    summary: 'Builds the image of a restore for the calling device and gives its ticket',
    access: ['device'],
    body: restoreRequest,
    status: 201,
    reply: restoreTicket,
    errors: ['database.unknown', 'restore.unknown', 'storage.full', 'storage.unavailable'],
  },
  readSegment: {
    method: 'get',
    path: '/api/v1/restores/{restoreId}/segments/{segment}',
    summary: 'One sealed segment; obeys HTTP Range',
    access: ['device'],
    params: z.strictObject({ restoreId: identifier, segment: z.coerce.number().int().min(0).max(1_000_000) }),
    status: 200,
    octets: true,
    errors: ['restore.unknown', 'storage.corrupt'],
  },
  completeRestore: {
    method: 'post',
    path: '/api/v1/restores/{restoreId}/complete',
    summary: 'Confirms that the file is in place; the copy takes on the new lineage (RS-7)',
    access: ['device'],
    params: z.strictObject({ restoreId: identifier }),
    status: 200,
    reply: restoreCompletion,
    errors: ['restore.unknown'],
  },
} as const satisfies Record<string, HttpCall>

export type DatabaseSummary = z.infer<typeof databaseSummary>
export type RestorePoint = z.infer<typeof restorePoint>
export type RestoreRequest = z.infer<typeof restoreRequest>
export type RestoreTicket = z.infer<typeof restoreTicket>
export type RestoreCompletion = z.infer<typeof restoreCompletion>
