/**
 * Fills the restore target in a page: ticket and segments lie in the key store until the restore is confirmed; the
 * verified octets are checked by SQLite in memory and handed to the page, whole (RS-5, RS-6).
 */

import type { Database, SqlJsStatic } from 'sql.js'
import { CodedError } from '../../schemas/errors.ts'
import { decodeUtf8, encodeUtf8 } from '../../schemas/utf8.ts'
import type { KeyStore } from '../ports.ts'
import type { RestoreTarget } from '../restore/restoreTarget.ts'

/** A restored database: as it came, and opened. */
export interface RestoredPageDatabase {
  readonly path: string
  /** The file as it was backed up, e.g. to be offered as a download. */
  readonly octets: Uint8Array
  /** The same in sql.js; the page's from now on. */
  readonly database: Database
}

/** Findings about values and constraints: so it was on the device, and the pages are intact. */
const ABOUT_VALUES = /^(NULL value in |non-\w+ value in |(NUMERIC|TEXT) value in |CHECK constraint failed in )/

/**
 * A target of the name `path`.
 * @param accept Takes the checked database over; if it throws, the old one stays.
 */
export function pageRestoreTarget(
  sqlJs: SqlJsStatic,
  keyStore: KeyStore,
  path: string,
  accept: (restored: RestoredPageDatabase) => Promise<void>,
): RestoreTarget {
  const ticketKey = `restore/${path}/ticket`
  const listKey = `restore/${path}/segments`
  const segmentKey = (segment: number): string => `restore/${path}/segment/${segment}`
  const listed = async (): Promise<number[]> => {
    const octets = await keyStore.get(listKey)
    return octets === undefined ? [] : (JSON.parse(decodeUtf8(octets) ?? '[]') as number[])
  }
  // Segments arrive several at a time; each waits for its line in the list, so that none is ever left behind.
  let queue: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = queue.then(work, work)
    queue = turn.catch(() => undefined)
    return turn
  }
  const clear = async (): Promise<void> => {
    for (const segment of await listed()) await keyStore.delete(segmentKey(segment))
    await keyStore.delete(listKey)
    await keyStore.delete(ticketKey)
  }
  return {
    readTicket: () => keyStore.get(ticketKey),
    keepTicket: (ticket) =>
      inTurn(async () => {
        await clear()
        await keyStore.set(ticketKey, ticket)
      }),
    readSegment: (segment) => keyStore.get(segmentKey(segment)),
    keepSegment: (segment, sealed) =>
      inTurn(async () => {
        const segments = await listed()
        if (!segments.includes(segment)) {
          await keyStore.set(listKey, encodeUtf8(JSON.stringify([...segments, segment])))
        }
        await keyStore.set(segmentKey(segment), sealed)
      }),
    replace: async (plain) => {
      const octets = await joinOctets(plain)
      const database = openChecked(sqlJs, octets)
      try {
        await accept({ path, octets, database })
      } catch (cause) {
        database.close()
        throw cause
      }
    },
    clear: () => inTurn(clear),
  }
}

async function joinOctets(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  for await (const piece of source) pieces.push(new Uint8Array(piece))
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}

/** @throws {CodedError} `integrity.mismatch` if SQLite finds damage. */
function openChecked(sqlJs: SqlJsStatic, octets: Uint8Array): Database {
  const database = new sqlJs.Database(inRollbackMode(octets))
  try {
    const finding = checkDatabase(database)
    if (finding !== undefined)
      throw new CodedError('integrity.mismatch', `the restored file is damaged: ${finding.slice(0, 200)}`)
    return database
  } catch (cause) {
    database.close()
    if (cause instanceof CodedError) throw cause
    throw new CodedError('integrity.mismatch', 'SQLite cannot read the restored file', { cause })
  }
}

/** A database in memory has no WAL: sql.js cannot open a file whose header asks for one. */
function inRollbackMode(octets: Uint8Array): Uint8Array {
  if (octets[18] !== 2 || octets[19] !== 2) return octets
  const changed = octets.slice()
  changed[18] = 1
  changed[19] = 1
  return changed
}

function checkDatabase(database: Database): string | undefined {
  const rows = (sql: string): unknown[][] => database.exec(sql)[0]?.values ?? []
  const [[trusted] = []] = rows('PRAGMA trusted_schema')
  database.exec('PRAGMA trusted_schema=OFF')
  const tables = rows("SELECT name, coalesce(rootpage, 0) FROM sqlite_schema WHERE type = 'table'")
  // The whole check would also run virtual tables, of modules that sql.js need not know.
  const checks = tables.some(([, rootPage]) => rootPage === 0)
    ? tables
        .filter(([, rootPage]) => rootPage !== 0)
        .map(([name]) => `quick_check('${String(name).replaceAll("'", "''")}')`)
    : ['quick_check(20)']
  const findings = checks.flatMap((check) => rows(`PRAGMA ${check}`).map(([line]) => String(line)))
  database.exec(`PRAGMA trusted_schema=${Number(trusted)}`)
  return findings.find((line) => line !== 'ok' && !ABOUT_VALUES.test(line))
}
