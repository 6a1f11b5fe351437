/** A restore of a set: the set itself is fetched beside the target, then unpacked. Rules FS-9 to FS-12. */

import type { RestoreCompletion } from '../../schemas/http/backups.ts'
import type { SqlDatabase } from '../ports.ts'
import type { RestoreTarget } from '../restore/restoreTarget.ts'
import type { FilePorts } from './filePorts.ts'
import { SetPicture } from './setPicture.ts'
import { readPathValue } from './setTables.ts'
import { beginLife, confirmLife } from './setTracker.ts'
import { unpackSet } from './unpackSet.ts'

export interface SetRestore {
  readonly files: FilePorts
  readonly path: string
  readonly only?: string
  /** The folder at `path` is the set's own. */
  readonly own: boolean
  restoreTarget(path: string): RestoreTarget
}

export interface SetPlacing {
  readonly target: RestoreTarget
  /** What was placed; after the restore. */
  placed(): { readonly entries: number; readonly keptAside?: string }
  /** Makes what was placed this device's set, in its picture; the returned function confirms it. */
  adopt(picture: SqlDatabase, position: RestoreCompletion): () => void
}

/** @throws {CodedError} `restore.target-exists` if something else lies at the path. */
export function placeSet({ files, path, only, own, restoreTarget }: SetRestore): SetPlacing {
  const stagePath = files.stagePath(path)
  const inner = restoreTarget(stagePath)
  const writer = files.writer(path, own)
  let entries = 0
  const reading = <T>(work: (set: SqlDatabase) => T): T => {
    const set = files.openStage(stagePath)
    try {
      return work(set)
    } finally {
      set.close()
    }
  }
  const unpack = () => {
    entries = reading((set) => unpackSet({ set, writer, ports: files, ...(only !== undefined && { only }) }))
  }
  const { openGrowing } = inner
  return {
    target: {
      ...inner,
      replace: async (plain) => {
        await inner.replace(plain)
        unpack()
      },
      ...(openGrowing && {
        openGrowing: async () => {
          const growing = await openGrowing()
          const settle = async (sha256: string): Promise<void> => {
            await growing.settle(sha256)
            unpack()
          }
          return { kept: growing.kept, keepRange: growing.keepRange, settle, close: growing.close }
        },
      }),
      clear: async () => {
        await inner.clear()
        files.removeStage(stagePath)
      },
    },
    placed: () => ({ entries, ...(writer.keptAside !== undefined && { keptAside: writer.keptAside }) }),
    adopt: (picture, position) => {
      const adopted = new SetPicture(picture)
      reading((set) => adoptSet(adopted, set, position))
      return () => confirmLife(adopted, position.lineage)
    },
  }
}

/** The picture of a restored set. Its files are read once more the next night: nobody saw their stamps. */
function adoptSet(picture: SetPicture, set: SqlDatabase, position: RestoreCompletion): void {
  picture.transaction(() => {
    picture.clear()
    let lastBlock = 0
    for (const [id, digest] of set.prepare('SELECT id, digest FROM block ORDER BY id').iterate()) {
      lastBlock = Number(id)
      if (digest instanceof Uint8Array) picture.noteBlock(lastBlock, digest)
    }
    const rows = set.prepare('SELECT path, kind, mode, mtime, size, target, parts FROM entry').iterate()
    for (const [path, kind, mode, mtime, size, target, parts] of rows) {
      picture.noteEntry({
        path: readPathValue(path) ?? '',
        stamp: '',
        kind: kind === 'folder' || kind === 'link' ? kind : 'file',
        ...{ mode: Number(mode), mtimeUs: Number(mtime), sizeBytes: Number(size) },
        target: readPathValue(target) ?? null,
        parts: typeof parts === 'string' ? parts : null,
      })
    }
    picture.acknowledge(true)
    beginLife(picture, position.lineage, position, lastBlock + 1)
  })
}
