/** A folder, the device client over a network that fails when told to, and a real server: for tests of sets of files. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createAgentRecords } from '../../device-client/agentRecords.ts'
import { createDeviceClient } from '../../device-client/createDeviceClient.ts'
import type { DeviceClient } from '../../device-client/deviceClient.ts'
import { betterSqliteOpener, createOwnDatabase } from '../../device-client/node/betterSqlite.ts'
import { createNodeFetch } from '../../device-client/node/fetch.ts'
import { createFileImager } from '../../device-client/node/fileImage.ts'
import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { createFileScratch } from '../../device-client/node/fileScratch.ts'
import { createFilePorts } from '../../device-client/node/fileSets.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { openHome } from '../../device-client/node/home.ts'
import { nodeRandom } from '../../device-client/node/random.ts'
import { zstdFiles } from '../../device-client/node/zstd.ts'
import { openZstdFrame } from '../../device-client/node/zstdFrame.ts'
import type { Fetch } from '../../device-client/ports.ts'
import { CodedError } from '../../schemas/errors.ts'
import type { TestAccount, TestServer } from './startServer.ts'

/** What becomes of messages: they pass, they are lost, or their answers are. */
export type NetworkMood = 'passes' | 'loses-messages' | 'loses-answers'

export interface FileSetBench {
  readonly folder: string
  /** The folder under backup; not made yet. */
  readonly path: string
  readonly client: DeviceClient
  mood: NetworkMood
  close(): void
}

/** A registered device of its own. Time passes only while its client waits, and begins a minute ahead. */
export async function openFileSetBench(
  server: TestServer,
  account: TestAccount,
  device: string,
): Promise<FileSetBench> {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-files-'))
  const home = openHome(join(folder, 'agent'))
  mkdirSync(home.imageDirectory, { recursive: true })
  mkdirSync(join(folder, 'pictures'))
  const network = createNodeFetch()
  let waitedMs = 60_000
  const clock = {
    now: () => Date.now() + waitedMs,
    sleep: async (ms: number) => {
      waitedMs += ms
    },
  }
  const bench = { mood: 'passes' as NetworkMood }
  const fetch: Fetch = async (url, init) => {
    const isMessage = url.includes('/omads')
    if (isMessage && bench.mood === 'loses-messages') throw new CodedError('network.unreachable', 'lost')
    const reply = await network.fetch(url, init)
    if (isMessage && bench.mood === 'loses-answers') throw new CodedError('network.unreachable', 'the answer is lost')
    return reply
  }
  const pictureOf = (name: string): string => join(folder, 'pictures', name)
  const client = createDeviceClient({
    ...{ fetch, clock, random: nodeRandom, keyStore: home.keyStore, gzip: nodeGzip, fileCoding: zstdFiles },
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined },
    scratch: createFileScratch(home.imageDirectory),
    imager: createFileImager(home.imageDirectory),
    records: createAgentRecords(home.keyStore),
    sql: betterSqliteOpener,
    files: createFilePorts(home.imageDirectory, clock.now),
    openPicture: (name) => createOwnDatabase(pictureOf(name)),
    removePicture: (name) => rmSync(pictureOf(name), { force: true }),
    restoreTarget: fileRestoreTarget,
    openFrame: openZstdFrame,
    absolutePath: (path) => path,
    nameOf: basename,
    version: '0',
    onProgress: () => undefined,
  })
  await client.init({ server: server.url, ...account, device })
  return Object.assign(bench, {
    folder,
    path: join(folder, 'data'),
    client,
    close: () => {
      network.close()
      rmSync(folder, { recursive: true, force: true })
    },
  })
}
