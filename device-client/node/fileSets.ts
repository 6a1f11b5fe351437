/** Fills the ports of sets of files on Node. */

import { createHash, randomUUID } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { CodedError } from '../../schemas/errors.ts'
import type { FilePorts, Stage } from '../files/filePorts.ts'
import { createOwnDatabase, openDeviceDatabase } from './betterSqlite.ts'
import { openFolderReader } from './folderReader.ts'
import { openFolderWriter } from './folderWriter.ts'
import { unpackBlock } from './unpackBlock.ts'

const READ_BYTES = 256 * 1024
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** The ports; what is to be sent lies in `stageDirectory` meanwhile, in files that only their owner reads. */
export function createFilePorts(stageDirectory: string, now: () => number): FilePorts {
  return {
    reader: openFolderReader,
    writer: (path, own) => openFolderWriter(path, own, now),
    isFolder: (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false,
    isDatabase,
    stage: async () => openStage(join(stageDirectory, `${randomUUID()}.set`)),
    stagePath: (path) => `${path}.nightferry-set`,
    openStage: openDeviceDatabase,
    removeStage: (path) => {
      for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(path + suffix, { force: true })
    },
    sha256: (octets) => createHash('sha256').update(octets).digest(),
    pack: (octets) => {
      const packed = zstdCompressSync(octets, LEVEL)
      return packed.length * 10 <= octets.length * 9 ? packed : undefined
    },
    unpack: unpackBlock,
  }
}

function openStage(path: string): Stage {
  const database = createOwnDatabase(path)
  return {
    database,
    get sizeBytes() {
      return statSync(path).size
    },
    journalMode: 'delete',
    open: () => openDeviceDatabase(path),
    read: () => createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Uint8Array>,
    dispose: async () => {
      database.close()
      for (const suffix of ['', '-journal']) rmSync(path + suffix, { force: true })
    },
  }
}

const SQLITE_HEADER = 'SQLite format 3\0'

/** @throws {CodedError} `database.unknown` if nothing is there. */
function isDatabase(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined)
    throw new CodedError('database.unknown', `there is no file ${path}`, { next: 'Check the path.', fields: { path } })
  const head = Buffer.alloc(SQLITE_HEADER.length)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, head, 0, head.length, 0)
  } finally {
    closeSync(fd)
  }
  return stats.size === 0 || head.toString('latin1') === SQLITE_HEADER
}
