/** The digest of a database's objects: text and order of its `sqlite_schema`, without objects of ours. Rule WF-84. */

import type { SchemaObject } from '../delta/delta.ts'
import { encodeUtf8 } from '../utf8.ts'
import type { RowDigest } from './digestRows.ts'

/** Lower-case hex. */
export function digestSchema(objects: readonly SchemaObject[], digest: RowDigest): string {
  for (const { type, name, tableName, sql } of objects)
    digest.update(encodeUtf8(`${JSON.stringify([type, name, tableName, sql])}\n`))
  return digest.hex()
}
