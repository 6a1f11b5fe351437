/** The client's side: nothing unverified is used, nothing half is visible, nothing verified is fetched twice. */

import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fileRestoreTarget } from '../../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../../device-client/node/gzip.ts'
import { openZstdFrame } from '../../../device-client/node/zstdFrame.ts'
import { type RestoreDatabaseOptions, restoreDatabase } from '../../../device-client/restore/restoreDatabase.ts'
import { CodedError } from '../../../schemas/errors.ts'
import type { RestoreTicket } from '../../../schemas/http/backups.ts'
import { SEGMENT_RANGE_BYTES } from '../../../schemas/limits.ts'
import type { SegmentCompression } from '../../../schemas/restore/segmentMap.ts'
import { canonicalDigest } from '../../support/canonicalDump.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

let bench: RestoreBench
let original: string
let digest: string
let folder: string
let path: string
let fetched: number[]
let tickets: number
let compression: SegmentCompression

beforeAll(async () => {
  bench = await openRestoreBench()
  original = join(bench.folder, 'original.db')
  const sql = `CREATE TABLE t(x); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 9000)
    INSERT INTO t SELECT randomblob(1000) FROM c`
  buildZooDatabase({ name: 'original', sql }, original)
  digest = canonicalDigest(original)
  await bench.backUp(original, 'phone')
})
afterAll(() => bench.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-target-'))
  path = join(folder, 'app.db')
  fetched = []
  tickets = 0
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

type Calls = RestoreDatabaseOptions['calls']

function options(changes: Partial<Calls> = {}): RestoreDatabaseOptions {
  const caller = bench.caller('tablet')
  return {
    calls: {
      createRestore: (compressions) => {
        tickets += 1
        return bench.service.createRestore(caller, { database: DATABASE, fromDeviceId: 'phone', compressions })
      },
      readSegment: async (restoreId, segment) => {
        fetched.push(segment)
        return (await bench.service.readSegment(caller, restoreId, segment)).bytes
      },
      completeRestore: (restoreId) => bench.service.completeRestore(caller, restoreId),
      ...changes,
    },
    target: fileRestoreTarget(path),
    wanted: 'phone/app/latest',
    adopt: () => () => {},
    gzip: nodeGzip,
    ...(compression === 'zstd' && { openFrame: openZstdFrame }),
    clock: { now: Date.now, sleep: () => Promise.resolve() },
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no error'
  } catch (cause) {
    return cause instanceof CodedError ? cause.code : String(cause)
  }
}

/** Damages what an interrupted restore kept of a segment. */
function damageSegment(segment: number): void {
  const kept = `${path}.nightferry-restore`
  if (compression === 'gzip') {
    writeFileSync(join(kept, `${segment}.segment`), 'damaged')
    return
  }
  const plain = readFileSync(join(kept, 'plain.db'))
  plain.write('damaged', segment * SEGMENT_RANGE_BYTES + 5000, 'latin1')
  writeFileSync(join(kept, 'plain.db'), plain)
}

/** Changes a kept range and its CRC alike: only the digest of the whole file can tell. */
function forgeKept(): void {
  const kept = `${path}.nightferry-restore`
  const plain = readFileSync(join(kept, 'plain.db'))
  plain.write('forged', SEGMENT_RANGE_BYTES + 5000, 'latin1')
  writeFileSync(join(kept, 'plain.db'), plain)
  const range = plain.subarray(SEGMENT_RANGE_BYTES, 2 * SEGMENT_RANGE_BYTES)
  appendFileSync(join(kept, 'ranges'), `1 ${SEGMENT_RANGE_BYTES} ${range.length} ${crc32(range)}\n`)
}

function cut(): never {
  throw new CodedError('network.unreachable', 'the line was cut')
}

describe.each(['gzip', 'zstd'] as const)('fetching, %s', (each) => {
  beforeEach(() => {
    compression = each
  })

  it('[RS-6] goes on after a cut with what is missing, also in another process', async () => {
    const readSegment: Calls['readSegment'] = (restoreId, segment) =>
      segment >= 3 ? cut() : options().calls.readSegment(restoreId, segment)
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('network.unreachable')
    expect(existsSync(path)).toBe(false)
    expect([...fetched].sort()).toEqual([0, 1, 2])
    fetched = []
    const outcome = await restoreDatabase(options())
    expect(Math.min(...fetched)).toBe(3)
    expect(new Set(fetched).size).toBe(fetched.length)
    expect(tickets).toBe(1)
    expect(outcome.bytesReceived).toBeGreaterThan(0)
    expect(canonicalDigest(path)).toBe(digest)
    expect(readdirSync(folder)).toEqual(['app.db'])
  })

  it('[RS-6] a lost segment is asked for again, a few times', async () => {
    let lost = 0
    const readSegment: Calls['readSegment'] = (restoreId, segment) =>
      segment === 1 && lost++ < 4 ? cut() : options().calls.readSegment(restoreId, segment)
    await restoreDatabase(options({ readSegment }))
    expect(lost).toBe(5)
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-6] what was kept and is damaged since is fetched again', async () => {
    const readSegment: Calls['readSegment'] = (restoreId, segment) =>
      segment === 4 ? cut() : options().calls.readSegment(restoreId, segment)
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('network.unreachable')
    damageSegment(2)
    fetched = []
    await restoreDatabase(options())
    expect(fetched).toContain(2)
    expect(fetched).not.toContain(1)
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-4] an image that was damaged since is given up for another', async () => {
    const readSegment: Calls['readSegment'] = () => cut()
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('network.unreachable')
    const images = join(bench.dataDir, 'objects', 'images')
    for (const id of readdirSync(images)) writeFileSync(join(images, id, '3'), Buffer.alloc(1000))
    await restoreDatabase(options())
    expect(tickets).toBe(2)
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-10] an expired ticket is replaced by a new one', async () => {
    const readSegment: Calls['readSegment'] = () => cut()
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('network.unreachable')
    for (const id of readdirSync(join(bench.dataDir, 'objects', 'images')))
      rmSync(join(bench.dataDir, 'objects', 'images', id), { recursive: true })
    await restoreDatabase(options())
    expect(tickets).toBe(2)
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-6] what was kept for another restore is dropped', async () => {
    const readSegment: Calls['readSegment'] = (restoreId, segment) =>
      segment >= 2 ? cut() : options().calls.readSegment(restoreId, segment)
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('network.unreachable')
    await restoreDatabase({ ...options(), wanted: 'phone/app/other' })
    expect(tickets).toBe(2)
  })
})

describe.each(['gzip', 'zstd'] as const)('verifying, %s', (each) => {
  beforeEach(() => {
    compression = each
  })

  it('[RS-5] a changed segment is never used', async () => {
    const readSegment: Calls['readSegment'] = async (restoreId, segment) => {
      const bytes = Uint8Array.from(await options().calls.readSegment(restoreId, segment))
      if (segment === 1) bytes[500] = (bytes[500] ?? 0) ^ 1
      return bytes
    }
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('integrity.mismatch')
    expect(existsSync(path)).toBe(false)
  })

  it('[WF-20] a segment in the place of another is never used', async () => {
    const readSegment: Calls['readSegment'] = (restoreId, segment) =>
      options().calls.readSegment(restoreId, segment === 0 ? 1 : segment === 1 ? 0 : segment)
    expect(await codeOf(restoreDatabase(options({ readSegment })))).toBe('integrity.mismatch')
  })

  const forgeries: readonly (readonly [string, (ticket: RestoreTicket) => RestoreTicket, string])[] = [
    ['a changed map', (ticket) => ({ ...ticket, segmentMap: changePayload(ticket.segmentMap) }), 'integrity.mismatch'],
    ['another server', (ticket) => ({ ...ticket, signingKeys: [] }), 'integrity.mismatch'],
    ['no signed text', (ticket) => ({ ...ticket, segmentMap: 'map' }), 'protocol.malformed'],
    ['another content key', (ticket) => ({ ...ticket, contentKey: 'A'.repeat(43) }), 'integrity.mismatch'],
    ['a short content key', (ticket) => ({ ...ticket, contentKey: 'AAAA' }), 'protocol.malformed'],
  ]
  it.each(forgeries)('[WF-21] [RS-13] %s is refused', async (_name, forge, code) => {
    const createRestore: Calls['createRestore'] = async () => forge(await options().calls.createRestore([compression]))
    writeFileSync(path, 'what was there before')
    expect(await codeOf(restoreDatabase(options({ createRestore })))).toBe(code)
    expect(readFileSync(path, 'utf8')).toBe('what was there before')
  })
})

function changePayload(jws: string): string {
  const [header, payload, signature] = jws.split('.')
  const map = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString())
  const forged = Buffer.from(JSON.stringify({ ...map, sizeBytes: map.sizeBytes - 4096 })).toString('base64url')
  return [header, forged, signature].join('.')
}

describe.each(['gzip', 'zstd'] as const)('putting in place, %s', (each) => {
  beforeEach(() => {
    compression = each
  })

  it('[RS-5] [RS-12] replaces an older database and takes its journals away', async () => {
    buildZooDatabase({ name: 'old', pragmas: ['journal_mode=WAL'], sql: 'CREATE TABLE old(x)' }, path)
    for (const suffix of ['-wal', '-shm', '-journal']) writeFileSync(path + suffix, 'left by a crash')
    await restoreDatabase(options())
    expect(readdirSync(folder)).toEqual(['app.db'])
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-5] replaces a file that is no database any more', async () => {
    writeFileSync(path, Buffer.alloc(100_000, 'damaged'))
    await restoreDatabase(options())
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-12] a file that is not the one of the map takes no name, and nothing of it is kept', async () => {
    const broken = options({
      readSegment: (id, segment) => (segment === 4 ? cut() : options().calls.readSegment(id, segment)),
    })
    expect(await codeOf(restoreDatabase(broken))).toBe('network.unreachable')
    if (compression === 'zstd') forgeKept()
    await restoreDatabase(options())
    expect(tickets).toBe(compression === 'zstd' ? 2 : 1)
    expect(canonicalDigest(path)).toBe(digest)
  })

  it('[RS-5] leaves a database alone that an application holds, and goes on later', async () => {
    buildZooDatabase({ name: 'old', sql: 'CREATE TABLE old(x)' }, path)
    const application = new Database(path)
    application.exec('BEGIN EXCLUSIVE')
    expect(await codeOf(restoreDatabase(options()))).toBe('restore.target-exists')
    application.exec('INSERT INTO old VALUES (1); COMMIT')
    application.close()
    fetched = []
    await restoreDatabase(options())
    expect(fetched).toEqual([])
    expect(canonicalDigest(path)).toBe(digest)
  })
})
