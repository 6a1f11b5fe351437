/** One backup of a set of files: scan, then the backup that databases have. Rules FS-3 to FS-8. */

import { type BackupPorts, type BackupRequest, backupDatabase } from '../backup/backupDatabase.ts'
import type { BackupReport } from '../deviceClient.ts'
import type { FileImager, SqlDatabase } from '../ports.ts'
import type { FilePorts, Stage } from './filePorts.ts'
import type { BlockSink } from './readFileBlocks.ts'
import { type ScanReport, scanFolder } from './scanFolder.ts'
import { SetPicture } from './setPicture.ts'
import { createSet, entryRow } from './setTables.ts'
import { SetTracker } from './setTracker.ts'

export interface SetBackup {
  readonly files: FilePorts
  /** The agent's own database for this set. */
  readonly picture: SqlDatabase
  readonly checksum: boolean
  readonly allowEmpty: boolean
}

/**
 * Backs up the folder or file at `request.path`.
 * @throws {CodedError} `sync.emptied` (FS-7), `database.unknown` if nothing is there; as `backupDatabase`.
 */
export async function backupSet(
  ports: BackupPorts,
  request: Omit<BackupRequest, 'tracker'>,
  { files, picture: database, checksum, allowEmpty }: SetBackup,
): Promise<BackupReport> {
  const picture = new SetPicture(database)
  const reader = files.reader(request.path)
  let report: ScanReport | undefined
  let nextBlockOfWhole = 1
  const scan = async (afresh: boolean): Promise<Stage> => {
    const stage = await files.stage()
    try {
      createSet(stage.database)
      stage.database.exec('BEGIN')
      picture.transaction(() => {
        picture.beginScan()
        const sink = new StageSink(stage.database, afresh ? 1 : picture.state().nextBlock)
        const options = { reader, picture, sink, ports: files, afresh, checksum, allowEmpty, nowMs: ports.clock.now() }
        report = scanFolder(options)
        if (afresh) nextBlockOfWhole = sink.nextBlock
        else picture.writeState({ ...picture.state(), nextBlock: sink.nextBlock })
      })
      stage.database.exec('COMMIT')
      return stage
    } catch (cause) {
      await stage.dispose()
      throw cause
    }
  }
  const news = request.full || picture.state().lineage === null ? undefined : await scan(false)
  try {
    const imager: FileImager = { take: () => scan(true) }
    const tracker = new SetTracker({
      ...{ picture, random: ports.random, news: news?.database },
      nextBlockOfWhole: () => nextBlockOfWhole,
    })
    const done = await backupDatabase({ ...ports, imager }, { ...request, tracker })
    return report === undefined ? done : { ...done, files: report }
  } finally {
    await news?.dispose()
  }
}

class StageSink implements BlockSink {
  readonly #database: SqlDatabase
  nextBlock: number

  constructor(database: SqlDatabase, nextBlock: number) {
    this.#database = database
    this.nextBlock = nextBlock
  }

  block(digest: Uint8Array, sizeBytes: number, coding: number, data: Uint8Array): number {
    const id = this.nextBlock++
    this.#database
      .prepare('INSERT INTO block VALUES(?,?,?,?,?)')
      .run(BigInt(id), digest, BigInt(sizeBytes), BigInt(coding), data)
    return id
  }

  /** Ids that were given are not given again. */
  dropFrom(id: number): void {
    this.#database.prepare('DELETE FROM block WHERE id>=?').run(BigInt(id))
  }

  entry(entry: Parameters<BlockSink['entry']>[0]): void {
    this.#database.prepare('INSERT INTO entry VALUES(?,?,?,?,?,?,?)').run(...entryRow(entry))
  }
}
