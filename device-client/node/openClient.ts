/** The device client on Node: every port filled by the adapters of this folder, with its state in the home. */

import { createHash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { basename, extname, join, resolve } from 'node:path'
import { createAgentRecords } from '../agentRecords.ts'
import { createDeviceClient } from '../createDeviceClient.ts'
import type { DeviceClient } from '../deviceClient.ts'
import type { Log, SqlDatabase } from '../ports.ts'
import { betterSqliteOpener, openDeviceDatabase } from './betterSqlite.ts'
import { nodeClock } from './clock.ts'
import { createNodeFetch } from './fetch.ts'
import { takeFileImage } from './fileImage.ts'
import { fileRestoreTarget } from './fileRestoreTarget.ts'
import { createFileScratch } from './fileScratch.ts'
import { nodeGzip } from './gzip.ts'
import type { Home } from './home.ts'
import { nodeRandom } from './random.ts'

/** The client of `home`; `close` ends its connections. `version` is shown in device information. */
export function openClient(home: Home, log: Log, version: string): { readonly client: DeviceClient; close(): void } {
  const transport = createNodeFetch()
  const pictures = join(home.path, 'pictures')
  const client = createDeviceClient({
    fetch: transport.fetch,
    clock: nodeClock,
    random: nodeRandom,
    keyStore: home.keyStore,
    log,
    gzip: nodeGzip,
    // Emptied with the images: what a killed backup left belongs to nobody.
    scratch: createFileScratch(home.imageDirectory),
    imager: { take: (path) => takeFileImage(path, home.imageDirectory) },
    records: createAgentRecords(home.keyStore),
    sql: betterSqliteOpener,
    openPicture: (name) => openPicture(pictures, name),
    removePicture: (name) => {
      for (const suffix of ['', '-journal']) rmSync(picturePath(pictures, name) + suffix, { force: true })
    },
    restoreTarget: fileRestoreTarget,
    absolutePath: (path) => resolve(path),
    nameOf: (path) => basename(path, extname(path)),
    version,
    onProgress: ({ database, what, done, total }) => log.debug('progress', { database, what, done, total }),
  })
  return { client, close: transport.close }
}

function openPicture(directory: string, name: string): SqlDatabase {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = picturePath(directory, name)
  closeSync(openSync(path, 'a', 0o600))
  return openDeviceDatabase(path)
}

/** Any name of a database as a file name: a digest keeps apart what a file system would mix up or find too long. */
function picturePath(directory: string, name: string): string {
  return join(directory, `${createHash('sha256').update(name, 'utf8').digest('hex')}.picture`)
}
