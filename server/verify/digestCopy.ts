/**
 * Reads a copy in a child process for a device that compares: where it stands, and digests of ranges of its rows. Each
 * is one read transaction; rows and octets are bounded, memory follows the largest row. Rules VF-1, VF-2.
 */

import { createHash } from 'node:crypto'
import { CodedError } from '../../schemas/errors.ts'
import type { CopyDescription, DigestReply, DigestRequest } from '../../schemas/http/verify.ts'
import { MAX_DIGEST_BLOCKS, MAX_DIGEST_BYTES, MAX_DIGEST_ROWS, MAX_UNKEYED_ROWS } from '../../schemas/limits.ts'
import { type ComparedTable, readComparedTable } from '../../schemas/verify/comparedTable.ts'
import { cutBlocks, type DigestParts, digestRange, type RowDigest } from '../../schemas/verify/digestRows.ts'
import { digestSchema } from '../../schemas/verify/schemaDigest.ts'
import { isRealTable } from '../backup/applySchema.ts'
import type { CopyPlace } from '../backup/copyKey.ts'
import { isSystemName, quoteName, readMeta, readObjects, systemTableName } from '../backup/copyLayout.ts'
import { openDatabase } from '../sql/betterSqlite.ts'
import type { SqlDatabase } from '../sql/sqlDatabase.ts'

/** What a copy says of itself; objects only if they are wanted. */
export async function describeCopyJob({
  withObjects,
  ...place
}: CopyPlace & { readonly withObjects: boolean }): Promise<CopyDescription> {
  return reading(place, (copy) => {
    const { lineage, number, token, version: _, ...header } = readMeta(copy)
    const objects = readObjects(copy) as NonNullable<CopyDescription['objects']>
    const schemaDigest = digestSchema(objects, sha256())
    const known = { kind: 'sql', lineage, number, token, schemaDigest } as const
    const autoVacuum = header.autoVacuum as 0 | 1 | 2
    return { ...known, header: { ...header, autoVacuum }, ...(withObjects && { objects }) }
  })
}

/**
 * Digests of one table.
 * @throws {CodedError} `anchor.mismatch` if the copy does not stand at the token, `datastore.unknown` if it has no such
 *   table, `protocol.too-large` if a table without a key has too many rows.
 */
export async function digestCopyJob({
  request,
  ...place
}: CopyPlace & { readonly request: DigestRequest }): Promise<DigestReply> {
  return reading(place, (copy) => {
    const { token, encoding } = readMeta(copy)
    if (token !== request.token) throw new CodedError('anchor.mismatch', 'the copy went on meanwhile')
    const table = findTable(copy, request.table)
    const parts: DigestParts = { db: copy, encoding, createDigest: sha256 }
    if (table.key === undefined) return digestUnkeyed(parts, table)
    const width = table.key.length
    for (const { after, upTo } of request.ranges)
      if ((after ?? upTo ?? []).length % width !== 0 || [after, upTo].some((end) => end && end.length !== width))
        throw new CodedError('protocol.malformed', `a key of ${table.name} has ${width} cells`)
    const rows = Math.min(request.maxRows, MAX_DIGEST_ROWS)
    const limits = { rows, blocks: MAX_DIGEST_BLOCKS, bytes: MAX_DIGEST_BYTES }
    const { ranges, whole } = cutBlocks(parts, table, request.ranges, request.rowsPerBlock, limits)
    return { ranges, whole }
  })
}

function digestUnkeyed(parts: DigestParts, table: ComparedTable): DigestReply {
  const [more] = parts.db.prepare(`SELECT 1 FROM ${table.source} LIMIT 1 OFFSET ${MAX_UNKEYED_ROWS}`).all()
  if (more !== undefined) throw new CodedError('protocol.too-large', `${table.name} has no key and too many rows`)
  const { rows, digest } = digestRange(parts, table, { after: null, upTo: null })
  return { ranges: [[{ upTo: null, rows, digest }]], whole: true }
}

/** A table of the device, wherever the copy holds its rows (BK-5). */
function findTable(copy: SqlDatabase, name: string): ComparedTable {
  const object = readObjects(copy).find((candidate) => candidate.type === 'table' && candidate.name === name)
  const held = isSystemName(name) ? systemTableName(name) : name
  const isHeld = object !== undefined && (isSystemName(name) || isRealTable(object))
  const table = isHeld ? readComparedTable(copy, name, held) : undefined
  if (table === undefined) throw new CodedError('datastore.unknown', `the copy has no table ${quoteName(name)}`)
  return table
}

function reading<T>({ copyPath, copyKey }: CopyPlace, work: (copy: SqlDatabase) => T): T {
  const copy = openDatabase(copyPath, { cipher: { kind: 'aegis', key: Buffer.from(copyKey, 'hex') } })
  try {
    copy.exec('BEGIN')
    return work(copy)
  } finally {
    if (copy.inTransaction) copy.exec('ROLLBACK')
    copy.close()
  }
}

function sha256(): RowDigest {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}
