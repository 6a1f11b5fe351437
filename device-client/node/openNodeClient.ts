/** The device client on Node: the core with this folder's adapters, in an agent's home. */

import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { basename, extname, join, resolve } from 'node:path'
import { createAgentRecords } from '../agentRecords.ts'
import { createDeviceClient } from '../createDeviceClient.ts'
import type { DeviceClient } from '../deviceClient.ts'
import type { Log } from '../ports.ts'
import { createInstallation } from '../session/installation.ts'
import type { SyncClient } from '../sync/createSyncClient.ts'
import { betterSqliteOpener, createOwnDatabase } from './betterSqlite.ts'
import { nodeClock } from './clock.ts'
import { createNodeFetch } from './fetch.ts'
import { createFileImager } from './fileImage.ts'
import { fileRestoreTarget } from './fileRestoreTarget.ts'
import { createFileScratch } from './fileScratch.ts'
import { createFilePorts } from './fileSets.ts'
import { readFootprint } from './footprint.ts'
import { nodeGzip } from './gzip.ts'
import type { Home } from './home.ts'
import { nodeRandom } from './random.ts'
import { createScratchFile } from './scratchFile.ts'
import { zstdFiles } from './zstd.ts'
import { openZstdFrame } from './zstdFrame.ts'

/** How long the server may say nothing on a link of a Delivery, milliseconds: other links can bring the segment. */
const LINK_SILENCE_MS = 15_000

/** How often long work is reported, milliseconds. */
const PROGRESS_MS = 1000

/** The client of `home`, and its syncs where they are asked for; `close` ends their connections. */
export function openNodeClient(
  home: Home,
  log: Log,
  version: string,
): { readonly client: DeviceClient; openSyncs(): Promise<SyncClient>; close(): void } {
  const { fetch, close } = createNodeFetch()
  const picturePath = (name: string): string => join(home.path, 'pictures', `${encodeURIComponent(name)}.sqlite`)
  let reportedAt = nodeClock.now()
  const records = createAgentRecords(home.keyStore)
  const client = createDeviceClient({
    fetch,
    clock: nodeClock,
    random: nodeRandom,
    keyStore: home.keyStore,
    log,
    gzip: nodeGzip,
    fileCoding: zstdFiles,
    scratch: createFileScratch(home.imageDirectory),
    imager: createFileImager(home.imageDirectory),
    ...{ records, installation: createInstallation({ records, random: nodeRandom, clock: nodeClock }) },
    sql: betterSqliteOpener,
    footprint: readFootprint,
    files: createFilePorts(home.imageDirectory, nodeClock.now),
    openPicture: (name) => {
      mkdirSync(join(home.path, 'pictures'), { recursive: true, mode: 0o700 })
      return createOwnDatabase(picturePath(name))
    },
    removePicture: (name) => {
      for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(picturePath(name) + suffix, { force: true })
    },
    restoreTarget: fileRestoreTarget,
    scratchFile: () => createScratchFile(home.imageDirectory),
    openFrame: openZstdFrame,
    openPeers: async (host, options) => (await import('./peerSockets.ts')).openPeerSockets(host, options),
    openLink: (localAddress) =>
      createNodeFetch({ idleTimeoutMs: LINK_SILENCE_MS, ...(localAddress !== undefined && { localAddress }) }),
    createDigest: () => {
      const digest = createHash('sha256')
      return { update: (bytes) => void digest.update(bytes), hex: () => digest.digest('hex') }
    },
    absolutePath: (path) => resolve(path),
    nameOf: (path) => basename(path, extname(path)),
    version,
    onProgress: ({ database, what, done, total }) => {
      const now = nodeClock.now()
      if (now - reportedAt < PROGRESS_MS) return
      reportedAt = now
      log.info(`${what} of ${database}: ${Math.floor((100 * done) / Math.max(1, total))} %`)
    },
  })
  // Content, tables and folders are no business of a nightly backup, and not loaded for it.
  const openSyncs = async () => (await import('./openSyncClient.ts')).openSyncClient(home, fetch, log, version)
  return { client, openSyncs, close }
}
