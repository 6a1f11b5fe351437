/** Calls that compare two restore points of a database (TM-20 to TM-23). */

import { z } from 'zod'
import { MAX_DIFF_OBJECTS, MAX_DIFF_ROWS } from '../limits.ts'
import type { HttpCall } from './call.ts'
import { accountName, databaseName, deviceId, identifier, modificationNumber, timestamp } from './fields.ts'

const count = z.int().nonnegative()
const change = z.enum(['added', 'changed', 'removed'])
const values = z
  .record(z.string(), z.string())
  .meta({ description: 'By column, as SQL literals; longer ones are cut and say how many octets they have.' })

const side = z.strictObject({ point: identifier, number: modificationNumber, takenAt: timestamp })

export const objectChange = z.strictObject({
  change,
  type: z.string(),
  name: z.string(),
  was: z.string().exactOptional().meta({ description: 'Its definition, cut if it is long.' }),
  is: z.string().exactOptional(),
})

export const rowChange = z.strictObject({
  change,
  key: values,
  was: values.exactOptional().meta({ description: 'Columns that differ, or all of a removed row.' }),
  is: values.exactOptional(),
})

export const tableChange = z.strictObject({
  table: z.string(),
  added: count,
  changed: count,
  removed: count,
  note: z.string().exactOptional().meta({ description: 'Why this is not the whole truth.' }),
})

export const diffReport = z
  .strictObject({
    from: side,
    to: side,
    schema: z.array(objectChange).max(MAX_DIFF_OBJECTS).readonly(),
    moreObjects: count.meta({ description: 'Objects that differ and are not listed.' }),
    tables: z.array(tableChange).readonly().meta({ description: 'Tables whose rows differ.' }),
    rows: z.array(rowChange).readonly().exactOptional().meta({ description: 'Rows of the table that was asked for.' }),
    moreRows: count.exactOptional().meta({ description: 'Rows that differ and are not listed.' }),
  })
  .meta({ id: 'Difference' })

const query = z.strictObject({
  from: identifier.default('latest').meta({ description: 'Name or number of a restore point, or `latest`.' }),
  to: identifier.default('latest'),
  table: z.string().min(1).max(1000).exactOptional().meta({ description: 'Lists rows of this table alone.' }),
  values: z.enum(['yes', 'no']).default('no').meta({ description: 'Whether values are listed, not only keys.' }),
  limit: z.coerce.number().int().min(0).max(MAX_DIFF_ROWS).default(100),
})
const errors = [
  'database.unknown',
  'database.untrackable',
  'restore.unknown',
  'storage.corrupt',
  'worker.limit',
] as const

/** `…/diff`. */
export const diffCalls = {
  diffPoints: {
    method: 'get',
    path: '/api/v1/databases/{deviceId}/{name}/diff',
    summary: 'Says what differs between two restore points of a database',
    access: ['account', 'device'],
    params: z.strictObject({ deviceId, name: databaseName }),
    query,
    status: 200,
    reply: diffReport,
    errors,
  },
  diffAccountPoints: {
    method: 'get',
    path: '/api/v1/accounts/{name}/databases/{deviceId}/{database}/diff',
    summary: 'The same for a database of any account',
    access: ['operator'],
    params: z.strictObject({ name: accountName, deviceId, database: databaseName }),
    query,
    status: 200,
    reply: diffReport,
    errors: ['account.unknown', ...errors],
  },
} as const satisfies Record<string, HttpCall>

export type DiffReport = z.infer<typeof diffReport>
export type DiffQuery = z.infer<typeof query>
export type ObjectChange = z.infer<typeof objectChange>
export type RowChange = z.infer<typeof rowChange>
export type TableChange = z.infer<typeof tableChange>
