/**
 * Calls by which a device compares its database with the server's copy (VF-1 to VF-7): where the copy stands, digests of
 * ranges of its rows, and what came of it. A device sees only its own copies here.
 */

import { z } from 'zod'
import { CodedError } from '../errors.ts'
import {
  MAX_COLUMNS,
  MAX_DIGEST_BLOCKS,
  MAX_DIGEST_RANGES,
  MAX_DIGEST_ROWS,
  MAX_SQL_CHARS,
  MAX_URI_CHARS,
} from '../limits.ts'
import type { HttpCall } from './call.ts'
import { accountName, byteCount, databaseName, deviceId, modificationNumber, timestamp, token32 } from './fields.ts'

/** A cell of a key in the form it has in a Delta (WF-12). */
const cell = z.union([
  z.null(),
  z.number(),
  z.string(),
  z.strictObject({ i: z.string() }),
  z.strictObject({ r: z.string() }),
  z.strictObject({ t: z.string() }),
  z.strictObject({ b: z.string() }),
])
const keyEnd = z
  .array(cell)
  .min(1)
  .max(MAX_COLUMNS)
  .readonly()
  .nullable()
  .meta({ description: 'A key, its cells as in a Delta; null is an open end.' })

const digest = z.string().regex(/^[0-9a-f]{32,64}$/)
const name = z.string().max(MAX_URI_CHARS)

export const databaseHeader = z.strictObject({
  pageSize: z.int(),
  encoding: z.enum(['UTF-8', 'UTF-16le', 'UTF-16be']),
  autoVacuum: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  userVersion: z.int(),
  applicationId: z.int(),
  journalMode: z.enum(['wal', 'delete']),
})

const schemaObject = z.strictObject({
  type: z.enum(['table', 'index', 'view', 'trigger']),
  name,
  tableName: name,
  sql: z.string().max(MAX_SQL_CHARS).nullable(),
})

export const copyDescription = z
  .strictObject({
    kind: z.enum(['sql', 'file']).meta({ description: 'Of a file that is sent whole, only the position is known.' }),
    lineage: token32,
    number: modificationNumber,
    token: token32,
    header: databaseHeader.exactOptional(),
    schemaDigest: digest.exactOptional().meta({ description: 'SHA-256 of the objects in their order (WF-84).' }),
    objects: z.array(schemaObject).readonly().exactOptional(),
  })
  .meta({ id: 'CopyDescription' })

export const digestRequest = z
  .strictObject({
    token: token32.meta({ description: 'Where the copy has to stand.' }),
    table: name,
    ranges: z
      .array(z.strictObject({ after: keyEnd, upTo: keyEnd }))
      .min(1)
      .max(MAX_DIGEST_RANGES)
      .readonly(),
    rowsPerBlock: z.int().min(1).max(MAX_DIGEST_ROWS),
    maxRows: z.int().min(1).max(MAX_DIGEST_ROWS).meta({ description: 'Rows after which the answer ends.' }),
  })
  .meta({ id: 'DigestRequest' })

export const digestReply = z
  .strictObject({
    ranges: z
      .array(z.array(z.strictObject({ upTo: keyEnd, rows: byteCount, digest })).readonly())
      .max(MAX_DIGEST_RANGES)
      .readonly()
      .meta({ description: `Blocks of each range that was read, about ${MAX_DIGEST_BLOCKS} at most.` }),
    whole: z.boolean().meta({ description: 'False if the last range was not read to its end.' }),
  })
  .meta({ id: 'DigestReply' })

export const verificationReport = z
  .strictObject({
    number: modificationNumber,
    form: z.enum(['full', 'part']),
    rows: byteCount,
    tables: byteCount,
    differences: byteCount.meta({ description: 'Rows, objects and properties that differed.' }),
    repair: z.boolean().meta({ description: 'True if what differs goes with the next Delta.' }),
    completeAt: timestamp.exactOptional().meta({ description: 'When the last round over everything ended.' }),
  })
  .meta({ id: 'VerificationReport' })

export const verification = z
  .strictObject({ ...verificationReport.shape, verifiedAt: timestamp })
  .meta({ id: 'Verification' })

/** `/api/v1/epoch` and `/api/v1/databases/{name}/…` of the calling device. */
export const verifyCalls = {
  readEpoch: {
    method: 'get',
    path: '/api/v1/epoch',
    summary: 'The epoch of this server; another one means that it may be in an older state',
    access: 'anyone',
    status: 200,
    reply: z.strictObject({ epoch: token32 }).meta({ id: 'Epoch' }),
  },
  describeCopy: {
    method: 'get',
    path: '/api/v1/copies/{name}',
    summary: "Where the copy of the calling device's database stands, and what it is beside its rows",
    access: ['device'],
    params: z.strictObject({ name: databaseName }),
    query: z.strictObject({ objects: z.enum(['yes', 'no']).exactOptional() }),
    status: 200,
    reply: copyDescription,
    errors: ['database.unknown', 'storage.corrupt', 'worker.limit'],
  },
  digestCopy: {
    method: 'post',
    path: '/api/v1/copies/{name}/digests',
    summary: 'Digests of ranges of rows of one table, cut into blocks',
    access: ['device'],
    params: z.strictObject({ name: databaseName }),
    body: digestRequest,
    status: 200,
    reply: digestReply,
    errors: ['database.unknown', 'anchor.mismatch', 'storage.corrupt', 'worker.limit'],
  },
  reportVerification: {
    method: 'post',
    path: '/api/v1/copies/{name}/verification',
    summary: 'Says what a comparison found',
    access: ['device'],
    params: z.strictObject({ name: databaseName }),
    body: verificationReport,
    status: 204,
    errors: ['database.unknown'],
  },
  verifyDatabase: {
    method: 'post',
    path: '/api/v1/accounts/{name}/databases/{deviceId}/{database}/verify',
    summary: 'Proves now that a copy can be restored, and tells what its device last found',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId, database: databaseName }),
    status: 200,
    reply: z
      .strictObject({
        result: z.enum(['proven', 'unchecked', 'failed']),
        failure: z.string().exactOptional(),
        verification: verification.exactOptional(),
      })
      .meta({ id: 'DatabaseVerification' }),
    errors: ['account.unknown', 'database.unknown'],
  },
} as const satisfies Record<string, HttpCall>

export type CopyDescription = z.infer<typeof copyDescription>
export type DigestRequest = z.infer<typeof digestRequest>
export type DigestReply = z.infer<typeof digestReply>
export type VerificationReport = z.infer<typeof verificationReport>
export type Verification = z.infer<typeof verification>

/** @throws {CodedError} `protocol.malformed` if a server's answer is not of this form. */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  throw new CodedError('protocol.malformed', "the server's answer is not of the form it has to be")
}
