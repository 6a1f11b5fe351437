/**
 * The peers, each at its best: their stores are folders of this machine, so nothing of theirs pays for a network. What
 * they would send is counted as what their store grows by; rsync goes through a proxy that counts.
 */

import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Cost, type Finished, runProcess } from '../measure/runProcess.ts'
import type { Contender, OpenContender } from './contender.ts'

export function isInstalled(program: string): boolean {
  return spawnSync('bash', ['-c', `command -v ${program}`]).status === 0
}

/** Octets of all files below `folder`. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = entries.map(async (entry) =>
    entry.isFile() ? (await stat(join(entry.parentPath, entry.name))).size : 0,
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

function costOf(finished: readonly Finished[], bytesUp: number, bytesDown: number): Cost {
  return {
    wallMs: finished.reduce((sum, each) => sum + each.wallMs, 0),
    cpuMs: finished.reduce((sum, each) => sum + each.cpuMs, 0),
    bytesUp,
    bytesDown,
    deviceRssBytes: Math.max(...finished.map((each) => each.rssBytes)),
    serverRssBytes: 0,
    ramDiskBytes: Math.max(...finished.map((each) => each.ramDiskBytes)),
  }
}

/** A tool whose store is a folder; commands are made anew for each call. */
interface FolderTool {
  readonly name: string
  readonly note: string
  readonly programs: readonly string[]
  readonly environment?: (folder: string) => Readonly<Record<string, string>>
  create(store: string): readonly (readonly string[])[]
  /** Commands of one backup. */
  backup(store: string, path: string): readonly (readonly string[])[]
  nightly?(store: string, path: string): readonly (readonly string[])[]
  restore(store: string, path: string, to: string): readonly (readonly string[])[]
  /** What a nightly backup sends, where it is not what the store grew by. */
  sentBytes?(store: string): Promise<number>
}

function folderContender(tool: FolderTool): OpenContender {
  return async (path, folder) => {
    if (!tool.programs.every(isInstalled)) return undefined
    const store = join(folder, 'store')
    const environment = tool.environment?.(folder) ?? {}
    const run = async (commands: readonly (readonly string[])[]): Promise<Finished[]> => {
      const finished: Finished[] = []
      for (const command of commands) finished.push(await runProcess(command, { environment, folder }))
      return finished
    }
    const measured = async (commands: readonly (readonly string[])[]): Promise<Cost> => {
      const before = await folderBytes(store)
      const finished = await run(commands)
      const sent = tool.sentBytes ? await tool.sentBytes(store) : (await folderBytes(store)) - before
      return costOf(finished, sent, 0)
    }
    const contender: Contender = {
      name: tool.name,
      note: tool.note,
      reset: async () => {
        rmSync(folder, { recursive: true, force: true })
        mkdirSync(store, { recursive: true })
        await run(tool.create(store))
      },
      firstBackup: () => measured(tool.backup(store, path)),
      nightly: () => measured((tool.nightly ?? tool.backup)(store, path)),
      restore: async (to) => {
        const finished = await run(tool.restore(store, path, to))
        return costOf(finished, 0, (await stat(to)).size)
      },
      storedBytes: () => folderBytes(store),
      close: async () => rm(folder, { recursive: true, force: true }),
    }
    return contender
  }
}

export const restic = folderContender({
  name: 'restic',
  note: 'store in a local folder; encrypted',
  programs: ['restic'],
  environment: (folder) => ({ RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: join(folder, 'cache') }),
  create: (store) => [['restic', '-q', '-r', store, 'init']],
  backup: (store, path) => [['restic', '-q', '-r', store, 'backup', path]],
  restore: (store, path, to) => [
    ['restic', '-q', '-r', store, 'restore', 'latest', '--target', `${to}.out`],
    ['mv', join(`${to}.out`, path), to],
  ],
})

export const borg = folderContender({
  name: 'borg',
  note: 'store in a local folder; encrypted (repokey), lz4',
  programs: ['borg'],
  environment: (folder) => ({
    BORG_PASSPHRASE: 'bench',
    BORG_BASE_DIR: join(folder, 'base'),
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
  }),
  create: (store) => [['borg', 'init', '-e', 'repokey', store]],
  backup: (store, path) => [
    ['bash', '-c', 'cd "$1" && borg create "$2::$(date +%s%N)" "$3"', 'b', dirname(path), store, basename(path)],
  ],
  restore: (store, path, to) => [
    [
      'bash',
      '-c',
      'mkdir "$2.out" && cd "$2.out" && borg extract "$1::$(borg list --last 1 --short "$1")" && mv "$3" "$2"',
      'b',
      store,
      to,
      basename(path),
    ],
  ],
})

export const duplicity = folderContender({
  name: 'duplicity',
  note: 'store in a local folder; encrypted (gpg); a restore replays the nights',
  programs: ['duplicity', 'gpg'],
  environment: (folder) => ({ PASSPHRASE: 'bench', HOME: folder }),
  create: () => [],
  backup: (store, path) => [
    ['duplicity', 'full', '-v0', '--include', path, '--exclude', '**', dirname(path), `file://${store}`],
  ],
  nightly: (store, path) => [
    ['duplicity', 'incr', '-v0', '--include', path, '--exclude', '**', dirname(path), `file://${store}`],
  ],
  restore: (store, path, to) => [
    ['duplicity', 'restore', '-v0', '--file-to-restore', basename(path), `file://${store}`, to],
  ],
})

export const sqldiff = folderContender({
  name: 'sqldiff + gzip',
  note: 'needs a second copy on the device; not encrypted; nothing is sent',
  programs: ['sqldiff', 'sqlite3', 'gzip'],
  create: () => [],
  backup: (store, path) => [
    [
      'bash',
      '-c',
      'sqlite3 "$1" ".backup $2/yesterday.db" && gzip -6 -c "$2/yesterday.db" > "$2/delta.gz" && cp "$2/yesterday.db" "$2/copy.db"',
      'b',
      path,
      store,
    ],
  ],
  nightly: (store, path) => [
    [
      'bash',
      '-c',
      'set -e -o pipefail; sqldiff --primarykey "$2/yesterday.db" "$1" | gzip -9 > "$2/delta.gz"; gunzip -c "$2/delta.gz" | sqlite3 "$2/copy.db"; sqlite3 "$1" ".backup $2/yesterday.db"',
      'b',
      path,
      store,
    ],
  ],
  restore: (store, _path, to) => [
    ['bash', '-c', 'gzip -6 -c "$1/copy.db" > "$1/image.gz" && gunzip -c "$1/image.gz" > "$2"', 'b', store, to],
  ],
  sentBytes: async (store) => (await stat(join(store, 'delta.gz'))).size,
})

export const backupAndGzip = folderContender({
  name: '.backup + gzip',
  note: 'the whole file each night; not encrypted; nothing is sent',
  programs: ['sqlite3', 'gzip'],
  create: () => [],
  backup: (store, path) => [
    ['bash', '-c', 'rm -f "$2/image"; sqlite3 "$1" ".backup $2/image" && gzip -6 -f "$2/image"', 'b', path, store],
  ],
  restore: (store, _path, to) => [['bash', '-c', 'gunzip -c "$1/image.gz" > "$2"', 'b', store, to]],
  sentBytes: async (store) => (await stat(join(store, 'image.gz'))).size,
})
