/** Whole files that are taken in while they arrive: with a real spool, real processes and real kills. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Arrivals, createArrivals, type TakenIn } from '../../../server/backup/arrivals.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { openFileSpool } from '../../../server/storage/fileSpool.ts'
import type { Spool } from '../../../server/storage/spool.ts'
import { createWorkerPool, type WorkerPool } from '../../../server/worker/workerPool.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'

const POSITION = { lineage: 'a'.repeat(32), number: 1, token: 'b'.repeat(32) }
const CHUNK_BYTES = 200_000

let folder: string
let spool: Spool
let pool: WorkerPool
let open: (silenceMs: number) => Arrivals
let arrivals: Arrivals
let begun: Promise<unknown>[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-arrivals-'))
  mkdirSync(join(folder, 'copies'))
  const { keyRing } = openKeyRing({ dataDir: folder })
  spool = openFileSpool(join(folder, 'spool'), keyRing)
  pool = createWorkerPool({ size: 1 })
  begun = []
  open = (silenceMs) =>
    createArrivals({
      keyRing,
      copyPath: (copyId) => join(folder, 'copies', copyId),
      receive: (input) => {
        const receiving = pool.attend('receiveFile', input)
        if (receiving) begun.push(receiving.done)
        return receiving
      },
      silenceMs,
    })
  arrivals = open(60_000)
})
afterEach(async () => {
  await pool.close(0)
  rmSync(folder, { recursive: true, force: true })
})

const eventually = (look: () => unknown) => vi.waitFor(look, { timeout: 15_000 })
const rest = () => readdirSync(join(folder, 'copies'))

/** A database of about 2 MB that does not compress. */
function database(): Buffer {
  const path = join(folder, 'source.db')
  buildZooDatabase(
    {
      name: 'source',
      sql: `CREATE TABLE t(id INTEGER PRIMARY KEY, x BLOB); CREATE INDEX t_x ON t(id, x);
        WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500)
          INSERT INTO t SELECT n, randomblob(2000) FROM c`,
    },
    path,
  )
  return readFileSync(path)
}

function note(spoolId: string, settledBytes: number): void {
  arrivals.note(spoolId, { kind: 'spool', ...spool.locate(spoolId) }, settledBytes)
}

/** Chunks come as from a device: each is settled when the next one is there. */
async function send(spoolId: string, bytes: Uint8Array, until = bytes.length): Promise<void> {
  for (let offset = 0; offset < until; offset += CHUNK_BYTES) {
    await spool.append(spoolId, offset, bytes.subarray(offset, offset + CHUNK_BYTES))
    note(spoolId, offset)
  }
}

async function importTaken({ copyId, copyKey, facts }: TakenIn, spoolId: string) {
  const input = { copyPath: join(folder, 'copies', copyId), copyKey: Buffer.from(copyKey.key).toString('hex') }
  const content = { kind: 'spool' as const, ...spool.locate(spoolId) }
  const result = await pool.run('importFile', { ...input, position: POSITION, content, received: facts })
  const copy = openDatabase(input.copyPath, { cipher: { kind: 'aegis', key: copyKey.key } })
  const [sum] = copy.prepare("SELECT group_concat(id || hex(x), ',') FROM t").get() ?? []
  const integrity = copy.pragma('integrity_check')
  copy.close()
  return { result, sum, integrity }
}

describe('[BK-24] a file that arrives', () => {
  it.each([
    ['gzip', gzipSync],
    ['Zstandard', zstdCompressSync],
    ['nothing', (bytes: Buffer) => bytes],
  ] as const)('in %s is taken in meanwhile and becomes the copy it would be', async (_name, pack) => {
    const bytes = database()
    const packed = pack(bytes)
    await send('omads-1', packed)
    const taken = await arrivals.take('omads-1', packed.length)
    expect(taken?.facts.sizeBytes).toBe(bytes.length)
    if (!taken) return
    const { result, sum, integrity } = await importTaken(taken, 'omads-1')
    expect(result).toMatchObject({ kind: 'sql', rows: 500, sizeBytes: bytes.length })
    expect(integrity).toBe('ok')
    const plain = openDatabase(join(folder, 'source.db'), { cipher: { kind: 'none' } })
    expect(plain.prepare("SELECT group_concat(id || hex(x), ',') FROM t").get()?.[0]).toBe(sum)
    plain.close()
    expect(rest()).toEqual([taken.copyId])
  })

  it('is read only as far as it is settled: what the client sends anew counts', async () => {
    const packed = zstdCompressSync(database())
    const last = packed.length - (packed.length % CHUNK_BYTES)
    await send('omads-2', packed, last)
    await spool.append('omads-2', last, randomBytes(packed.length - last))
    note('omads-2', last)
    await eventually(() => expect(rest()).toHaveLength(1))
    await pause(100)
    await spool.append('omads-2', last, packed.subarray(last))
    const taken = await arrivals.take('omads-2', packed.length)
    expect(taken).toBeDefined()
    if (taken) expect((await importTaken(taken, 'omads-2')).result.rows).toBe(500)
  })

  it('is read from the spool when it is whole if the process that took it in was killed', async () => {
    const packed = zstdCompressSync(database())
    await send('omads-3', packed)
    await eventually(() => expect(rest()).toHaveLength(1))
    const pids = readdirSync('/proc/self/task').flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    for (const pid of pids) process.kill(pid, 'SIGKILL')
    await eventually(() => expect(rest()).toEqual([]))
    expect(await arrivals.take('omads-3', packed.length)).toBeUndefined()
  })

  it('that is damaged is forgotten, and leaves nothing', async () => {
    const packed = gzipSync(database()).fill(7, 300_000, 300_100)
    await send('omads-4', packed)
    expect(await arrivals.take('omads-4', packed.length)).toBeUndefined()
    await eventually(() => expect(rest()).toEqual([]))
  })

  it('and is dropped leaves nothing, also when it was whole', async () => {
    const packed = zstdCompressSync(database())
    await send('omads-5', packed)
    await eventually(() => expect(rest()).toHaveLength(1))
    arrivals.drop('omads-5')
    await eventually(() => expect(rest()).toEqual([]))
    expect(await arrivals.take('omads-5', packed.length)).toBeUndefined()
  })

  it('too slowly gives its process back, and is not begun again', async () => {
    arrivals = open(300)
    const packed = zstdCompressSync(database())
    await send('omads-6', packed, CHUNK_BYTES * 2)
    await expect(begun[0]).rejects.toMatchObject({ code: 'session.busy' })
    await send('omads-6', packed)
    expect(begun).toHaveLength(1)
    expect(await arrivals.take('omads-6', packed.length)).toBeUndefined()
    await eventually(() => expect(rest()).toEqual([]))
  })

  it('has no place of the queue: others work on, and a second one waits until it is whole', async () => {
    const packed = zstdCompressSync(database())
    await send('omads-7', packed, CHUNK_BYTES * 2)
    await send('omads-8', packed)
    expect(await arrivals.take('omads-8', packed.length)).toBeUndefined()
    const copyKey = randomBytes(32).toString('hex')
    const copyPath = join(folder, 'copies', 'other')
    const content = { kind: 'spool' as const, ...spool.locate('omads-8') }
    expect(await pool.run('importFile', { copyPath, copyKey, position: POSITION, content })).toMatchObject({
      rows: 500,
    })
    await send('omads-7', packed)
    expect(await arrivals.take('omads-7', packed.length)).toBeDefined()
  })
})
