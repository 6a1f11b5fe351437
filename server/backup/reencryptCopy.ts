/**
 * Makes a second file of a copy under another key (KY-15), as a job of a child process (BK-8). No octet of it is ever
 * plain on a disk, and it counts only if it was read again whole. Nobody may write the copy meanwhile (KY-16).
 */

import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import { openDatabase, rekey } from '../sql/betterSqlite.ts'
import { startFileCopier } from '../sql/fileCopier.ts'
import { holdSqliteFile } from '../sql/holdSqliteFile.ts'
import type { SqlDatabase, SqlValue } from '../sql/sqlDatabase.ts'
import { flushFolder } from '../storage/writeFileDurably.ts'
import type { CopyPlace } from './copyKey.ts'
import { deriveKey, HEADER_BYTES, MAGIC, PageCipher, pagePassphrase, readPageSize } from './pageCipher.ts'
import { openPlainReader } from './plainReader.ts'

export interface ReencryptInput extends CopyPlace {
  readonly kind: 'sql' | 'file'
  /** 256 bits, hex. */
  readonly newKey: string
  /** The file to make; nothing lies there. */
  readonly to: string
}

/**
 * Makes the file; durable when it resolves. Whoever asked for it removes it, also after a throw.
 * @throws {CodedError} `storage.*`, `key.wrong`; `session.busy` if others read an older state of it for too long.
 */
export async function reencryptCopyJob(input: ReencryptInput): Promise<undefined> {
  await (input.kind === 'sql' ? reencryptTables(input) : reencryptFile(input))
  flushFolder(dirname(input.to))
  return undefined
}

async function reencryptTables({ copyPath, copyKey, newKey, to }: ReencryptInput): Promise<void> {
  const [from, next] = [Buffer.from(copyKey, 'hex'), Buffer.from(newKey, 'hex')]
  const wanted = await holdSqliteFile(copyPath, from, async (reader) => {
    await copyFile(copyPath, to)
    return describePages(reader)
  })
  const made = openDatabase(to, { cipher: { kind: 'aegis', key: from }, pragmas: ['synchronous=OFF'] })
  try {
    // A log would be of the old key. The journal in its place holds pages as they lay there: encrypted by it.
    made.pragma('journal_mode=DELETE')
    rekey(made, to, next)
    made.pragma('journal_mode=WAL')
  } finally {
    made.close()
  }
  await flush(to)
  const again = openDatabase(to, { cipher: { kind: 'aegis', key: next } })
  try {
    if (describePages(again).join() !== wanted.join())
      throw new CodedError('storage.corrupt', 'the copy is not the same under its new key', { fields: { path: to } })
  } finally {
    again.close()
  }
}

/** Reads every page with entries, which proves each of them: how many they are, and what they hold. */
function describePages(db: SqlDatabase): readonly SqlValue[] {
  return db.prepare('SELECT count(*), sum(ncell), sum(payload), sum(unused) FROM dbstat').get() ?? []
}

/** A sealed file: page after page, its header's readable octets stay. */
async function reencryptFile({ copyPath, copyKey, newKey, to }: ReencryptInput): Promise<void> {
  const [from, next] = [copyKey, newKey].map((hex) => pagePassphrase(Buffer.from(hex, 'hex'))) as [string, string]
  const plain = await openPlainReader(copyPath, from)
  const wanted = createHash('sha256')
  try {
    const header = await plain.read(0, HEADER_BYTES)
    MAGIC.copy(header)
    const cipher = new PageCipher(deriveKey(next), readPageSize(header))
    const file = await open(to, 'wx', 0o600)
    try {
      let written = 0
      for await (const piece of plain.stream()) {
        wanted.update(piece)
        const pages = Buffer.from(piece)
        cipher.encrypt(pages, written / cipher.pageSize + 1)
        await writeAll(file, pages, written)
        written += pages.length
      }
      await file.sync()
    } finally {
      await file.close()
    }
  } finally {
    await plain.close()
  }
  if ((await digestPlain(to, next)) !== wanted.digest('hex'))
    throw new CodedError('storage.corrupt', 'the file is not the same under its new key', { fields: { path: to } })
}

async function digestPlain(path: string, passphrase: string): Promise<string> {
  const plain = await openPlainReader(path, passphrase)
  try {
    const digest = createHash('sha256')
    for await (const piece of plain.stream()) digest.update(piece)
    return digest.digest('hex')
  } finally {
    await plain.close()
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function copyFile(from: string, to: string): Promise<void> {
  const copier = startFileCopier()
  try {
    // It is flushed when it has its key.
    if (!(await copier.copyBriefly(from, to)))
      throw new CodedError('storage.unavailable', 'the copy is gone', { fields: { path: from } })
  } finally {
    copier.close()
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
