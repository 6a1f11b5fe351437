/** What a received file may be, and what becomes of it. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { readMeta, readObjects, readPosition } from '../../../server/backup/copyLayout.ts'
import { type ImportInput, importFile } from '../../../server/backup/importFile.ts'
import { pagePassphrase } from '../../../server/backup/pageCipher.ts'
import { openPlainReader } from '../../../server/backup/plainReader.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { buildZooDatabase, type ZooDatabase } from '../../support/databaseZoo.ts'
import { interop } from '../../support/requireProgram.ts'

const KEY = 'ab'.repeat(32)
const CANARY = 'canary-5f1c9e27'
let folder: string
let input: ImportInput

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-import-'))
  input = {
    copyPath: join(folder, 'copy'),
    copyKey: KEY,
    position: { lineage: 'a'.repeat(32), number: 3, token: 'b'.repeat(32) },
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A small ordinary database with a canary in a table, an index and a view. */
const ORDINARY: ZooDatabase = {
  name: 'ordinary',
  sql: `CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT); CREATE INDEX t_x ON t(x); CREATE VIEW v AS SELECT '${CANARY}';
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000)
      INSERT INTO t SELECT n, '${CANARY} ' || n FROM c`,
}

function bytesOf(animal: ZooDatabase): Buffer {
  const scratch = mkdtempSync(join(tmpdir(), 'nightferry-scratch-'))
  try {
    const path = join(scratch, 'source.db')
    buildZooDatabase(animal, path)
    return readFileSync(path)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

async function* inPieces(bytes: Uint8Array, pieceBytes = 7919): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) yield bytes.subarray(offset, offset + pieceBytes)
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'no error'
  } catch (cause) {
    return cause instanceof CodedError ? cause.code : String(cause)
  }
}

function openCopy() {
  return openDatabase(input.copyPath, { cipher: { kind: 'aegis', key: Buffer.from(KEY, 'hex') } })
}

describe('an intact database', () => {
  it('[BK-1] [BK-2] [BK-18] becomes an encrypted copy that names its position and the file it stands for', async () => {
    const bytes = bytesOf({ ...ORDINARY, pragmas: ['page_size=1024', 'auto_vacuum=2'] })
    const result = await importFile({ ...input, journalMode: 'wal' }, inPieces(bytes))
    expect(result).toMatchObject({ kind: 'sql', tables: 1, rows: 3000, sizeBytes: bytes.length })
    const copy = openCopy()
    expect(readMeta(copy)).toMatchObject({ ...input.position, pageSize: 1024, autoVacuum: 2, journalMode: 'wal' })
    expect(readPosition(copy).history).toEqual(new Map([[3, 'b'.repeat(32)]]))
    expect(readObjects(copy).map(({ name }) => name)).toEqual(['t', 't_x', 'v'])
    expect(copy.pragma('page_size')).toBe(4096n)
    expect(copy.pragma('journal_mode')).toBe('wal')
    expect(copy.pragma('temp_store')).toBe(2n)
    expect(copy.pragma('integrity_check')).toBe('ok')
    copy.close()
  })

  it('[BK-9] is the same copy through gzip or Zstandard, and in single octets', async () => {
    const bytes = bytesOf({ name: 'small', sql: 'CREATE TABLE t(x); INSERT INTO t VALUES (1)' })
    const plain = await importFile(input, inPieces(bytes, 1))
    const zipped = await importFile({ ...input, copyPath: join(folder, 'other') }, inPieces(gzipSync(bytes), 1))
    expect(zipped.sha256).toBe(plain.sha256)
    expect(zipped.rows).toBe(1)
    const packed = zstdCompressSync(bytes)
    const third = await importFile({ ...input, copyPath: join(folder, 'third') }, inPieces(packed, 1))
    expect(third).toMatchObject({ sha256: plain.sha256, rows: 1 })
  })

  it('[BK-10] leaves no plain octet in any file, while at work or after', async () => {
    const seen = new Set<string>()
    const search = (): void => {
      for (const name of readdirSync(folder)) {
        seen.add(name)
        const held = readFileSync(join(folder, name))
        expect(held.includes(CANARY), name).toBe(false)
        expect(held.includes(Buffer.from(CANARY, 'utf16le')), name).toBe(false)
        expect(held.includes('CREATE TABLE'), name).toBe(false)
      }
    }
    await importFile(input, inPieces(bytesOf(ORDINARY)), search)
    search()
    expect([...seen].sort()).toEqual(['copy', 'copy.building', 'copy.source'])
    expect(readdirSync(folder)).toEqual(['copy'])
    expect(statSync(input.copyPath).mode & 0o077).toBe(0)
  })

  it('[BK-7] is refused if it has names of ours', async () => {
    for (const name of ['_nightferry_state', '_NightFerry_x']) {
      const bytes = bytesOf({ name, sql: `CREATE TABLE t(x); CREATE VIEW "${name}" AS SELECT 1` })
      expect(await codeOf(importFile(input, inPieces(bytes)))).toBe('database.untrackable')
    }
    expect(readdirSync(folder)).toEqual([])
  })

  it('[BK-14] never takes the place of another copy', async () => {
    writeFileSync(input.copyPath, 'the old copy')
    expect(await codeOf(importFile(input, inPieces(bytesOf(ORDINARY))))).toBe('internal')
    expect(readFileSync(input.copyPath, 'utf8')).toBe('the old copy')
  })
})

describe('a database that cannot be evaluated here', () => {
  const shell = interop('sqlite3', 'sqlite3')
  const cases = [
    [
      'an unknown collation',
      'CREATE TABLE t(x); CREATE INDEX i ON t(x COLLATE uint); INSERT INTO t VALUES (1)',
      'uint',
    ],
    ['an unknown function', 'CREATE TABLE t(x); CREATE INDEX i ON t(sha3(x)); INSERT INTO t VALUES (1)', 'sha3'],
    ['double-quoted strings', 'CREATE TABLE t(x CHECK (x <> "no")); INSERT INTO t VALUES (1)', 'single-quotes'],
    [
      'values against their definition',
      "CREATE TABLE t(x); INSERT INTO t VALUES (NULL); PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE TABLE t(x NOT NULL)'",
      'NULL value',
    ],
  ] as const
  it.skipIf(!shell.available).each(cases)(
    `[BK-6] [BK-17] with %s is kept octet for octet ${shell.reason}`,
    async (...row) => {
      const [, sql, reason] = row
      const path = join(folder, 'source.db')
      execFileSync('sqlite3', [path, '.dbconfig defensive off', sql])
      const bytes = readFileSync(path)
      rmSync(path)
      const result = await importFile(input, inPieces(bytes))
      expect(result.kind).toBe('file')
      expect(result.reason).toContain(reason)
      expect(readdirSync(folder)).toEqual(['copy'])
      const reader = await openPlainReader(input.copyPath, pagePassphrase(Buffer.from(KEY, 'hex')))
      expect((await reader.read(0, bytes.length)).equals(bytes)).toBe(true)
      await reader.close()
      expect(readFileSync(input.copyPath).includes('CREATE')).toBe(false)
    },
  )

  it('[BK-16] a function that only a check uses is no obstacle', async () => {
    const bytes = bytesOf({ name: 'check', sql: 'CREATE TABLE t(x CHECK (lower(x) <> 1)); INSERT INTO t VALUES (2)' })
    // Same length, so that the file stays whole: the function becomes one that nobody knows.
    const at = bytes.indexOf('lower')
    bytes.write('zower', at, 'latin1')
    expect(await importFile(input, inPieces(bytes))).toMatchObject({ kind: 'sql', rows: 1 })
  })
})

describe('a hostile or damaged file', () => {
  const good = bytesOf(ORDINARY)
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', Buffer.alloc(0)],
    ['a few octets', Buffer.from('SQLite format 3\0')],
    ['something else', Buffer.alloc(8192, 'x')],
    ['half a page', good.subarray(0, good.length - 2048)],
    ['half of its pages', good.subarray(0, Math.floor(good.length / 8192) * 4096)],
    ['a damaged gzip', gzipSync(good).fill(0, 500, 600)],
    ['a cut gzip', gzipSync(good).subarray(0, 2000)],
    ['a damaged Zstandard', zstdCompressSync(good).fill(0, 500, 600)],
    ['a cut Zstandard', zstdCompressSync(good).subarray(0, 2000)],
    ['a Zstandard that wants to look back 64 MiB', zstdFrame(good, 26)],
    ['page size 0', patched(good, 16, 0, 0)],
    ['page size 3', patched(good, 16, 0, 3)],
    ['no text encoding', patched(good, 59, 9)],
    ['an overwritten page', patched(good, 4096, ...new Array<number>(4096).fill(0xee))],
    ['an overwritten schema', patched(good, 100, ...new Array<number>(3900).fill(0x41))],
  ]
  it.each(cases)('[BK-9] %s is refused and leaves nothing behind', async (_name, bytes) => {
    expect(await codeOf(importFile(input, inPieces(bytes)))).toBe('database.invalid')
    expect(readdirSync(folder)).toEqual([])
  })

  it('[BK-9] a Zstandard that looks back as far as our devices do is taken', async () => {
    expect(await importFile(input, inPieces(zstdFrame(good, 21)))).toMatchObject({ kind: 'sql', rows: 3000 })
  })

  it('[BK-9] any flipped octet ends as a copy, a kept file or a refusal, never otherwise', async () => {
    const small = bytesOf({ name: 'small', sql: 'CREATE TABLE t(a, b UNIQUE); INSERT INTO t VALUES (1, 2), (3, 4)' })
    const outcomes = new Set<string>()
    for (let offset = 0; offset < small.length; offset += 53) {
      const bytes = patched(small, offset, (small[offset] ?? 0) ^ 0xff)
      const copyPath = join(folder, `copy-${offset}`)
      const code = await codeOf(importFile({ ...input, copyPath }, inPieces(bytes)))
      outcomes.add(code)
      if (code !== 'no error')
        expect(readdirSync(folder).filter((name) => name.startsWith(`copy-${offset}`))).toEqual([])
    }
    expect([...outcomes].sort()).toEqual(['database.invalid', 'no error'])
  })

  it('[BK-9] more octets than allowed are refused, also out of a small gzip or Zstandard', async () => {
    const large = Buffer.concat([good, Buffer.alloc(20_000_000)])
    for (const bomb of [gzipSync(large), zstdCompressSync(large)])
      expect(await codeOf(importFile({ ...input, maxBytes: 1_000_000 }, inPieces(bomb)))).toBe('protocol.too-large')
    expect(readdirSync(folder)).toEqual([])
  })

  it('[BK-9] an error of the source passes as it is', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield gzipSync(good).subarray(0, 3000)
      throw new CodedError('storage.corrupt', 'the spool is damaged')
    }
    expect(await codeOf(importFile(input, broken()))).toBe('storage.corrupt')
    expect(readdirSync(folder)).toEqual([])
  })
})

/** One frame of stored blocks that asks for 2 to the power of `windowLog` octets (RFC 8878, 3.1.1). */
function zstdFrame(bytes: Uint8Array, windowLog: number): Buffer {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3])]
  for (let at = 0; at < bytes.length; at += 65_536) {
    const block = bytes.subarray(at, at + 65_536)
    const header = Buffer.alloc(3)
    header.writeUIntLE((block.length << 3) | (at + block.length === bytes.length ? 1 : 0), 0, 3)
    parts.push(header, Buffer.from(block))
  }
  return Buffer.concat(parts)
}

function patched(bytes: Buffer, offset: number, ...values: number[]): Buffer {
  const copy = Buffer.from(bytes)
  copy.set(values, offset)
  return copy
}
