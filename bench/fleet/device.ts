/**
 * A simulated device: its own database, identity and secrets, and the real client. The message of a night is made by that
 * client and kept, so that the time measured is the server's; its answer is heard when the night is over.
 */

import { copyFileSync, mkdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { type AgentRecords, createAgentRecords } from '../../device-client/agentRecords.ts'
import { createDeviceClient } from '../../device-client/createDeviceClient.ts'
import type { DeviceClient } from '../../device-client/deviceClient.ts'
import { betterSqliteOpener, createOwnDatabase } from '../../device-client/node/betterSqlite.ts'
import { nodeClock } from '../../device-client/node/clock.ts'
import { createNodeFetch } from '../../device-client/node/fetch.ts'
import { createFileImager } from '../../device-client/node/fileImage.ts'
import { fileRestoreTarget } from '../../device-client/node/fileRestoreTarget.ts'
import { createFileScratch } from '../../device-client/node/fileScratch.ts'
import { nodeGzip } from '../../device-client/node/gzip.ts'
import { nodeRandom } from '../../device-client/node/random.ts'
import type { Fetch, FetchReply, KeyStore } from '../../device-client/ports.ts'
import type { RunWindow } from '../../schemas/http/advice.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import { nightRows, writeNight } from './fleetDatabase.ts'

export interface Device {
  readonly number: number
  readonly path: string
  readonly client: DeviceClient
  readonly records: AgentRecords
  /** While set, messages are kept instead of sent. */
  keeping: boolean
  kept: KeptMessage | undefined
  /** The backup that waits for the answer to the message that is kept. */
  night: Promise<unknown>
  /** Begins a backup and lets its message wait; with `window` it says when it comes next. */
  keepNight(window?: RunWindow): Promise<void>
}

export interface KeptMessage {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** What the server said, once it did. */
  answer: FetchReply | undefined
  /** Hands the answer to the client. */
  answered(reply: FetchReply): void
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined }
const { fetch } = createNodeFetch()

function memoryKeyStore(): KeyStore {
  const held = new Map<string, Uint8Array>()
  return {
    get: async (key) => held.get(key),
    set: async (key, value) => void held.set(key, value),
    delete: async (key) => void held.delete(key),
  }
}

let port: number | undefined

/** The server is started anew before the measured nights, and listens elsewhere. */
export function moveServer(to: number): void {
  port = to
}

function atPort(url: string): string {
  const moved = new URL(url)
  if (port !== undefined) moved.port = String(port)
  return moved.href
}

/** Device `number` in a folder of its own under `parent`, where `template.db` lies. */
export function createDevice(number: number, parent: string): Device {
  const folder = join(parent, `device-${number}`)
  mkdirSync(folder)
  const path = join(folder, 'app.db')
  copyFileSync(join(parent, 'template.db'), path)
  const keyStore = memoryKeyStore()
  let kept = (): void => undefined
  const keepOrSend: Fetch = async (url, init) => {
    if (!device.keeping) return await fetch(atPort(url), init)
    return await new Promise<FetchReply>((answered) => {
      const { pathname: path } = new URL(url)
      device.kept = { path, headers: init.headers, body: init.body ?? new Uint8Array(), answer: undefined, answered }
      kept()
    })
  }
  const records = createAgentRecords(keyStore)
  const client = createDeviceClient({
    fetch: keepOrSend,
    clock: nodeClock,
    random: nodeRandom,
    keyStore,
    log: silent,
    gzip: nodeGzip,
    scratch: createFileScratch(folder),
    imager: createFileImager(folder),
    records,
    sql: betterSqliteOpener,
    openPicture: () => createOwnDatabase(join(folder, 'picture.sqlite')),
    removePicture: () => undefined,
    restoreTarget: fileRestoreTarget,
    absolutePath: (path) => path,
    nameOf: () => 'app',
    version: '0',
    onProgress: () => undefined,
  })
  const device: Device = {
    ...{ number, path, client, records, keeping: false, kept: undefined, night: Promise.resolve() },
    keepNight: async (window) => {
      const isKept = new Promise<void>((resolve) => {
        kept = resolve
      })
      device.keeping = true
      device.night = client.backup('app', window && { window })
      await Promise.race([isKept, device.night])
    },
  }
  return device
}

/** Runs `work` on all of `items`, `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of waiting) await work(item)
    }),
  )
}

/** Writes the rows of a night and makes the message that says so, without sending it. */
export async function keepNight(device: Device, night: number, window?: RunWindow): Promise<void> {
  const db = new Database(device.path)
  db.transaction(() => writeNight(db, nightRows(device.number, night)))()
  db.close()
  await device.keepNight(window)
}

/** Sends a message; its answer lies in it then. */
export function send(kept: KeptMessage, port: number, agent: http.Agent): Promise<'accepted' | 'refused'> {
  return new Promise((resolve, reject) => {
    const { path, headers, body } = kept
    const options = { host: '127.0.0.1', port, path, method: 'POST', agent }
    const request = http.request({ ...options, headers: { ...headers, 'content-length': body.length } }, (response) => {
      const chunks: Uint8Array[] = []
      response.on('data', (chunk: Uint8Array) => void chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        const { statusCode = 0, headers } = response
        const header = (name: string): string | null => String(headers[name.toLowerCase()] ?? '') || null
        kept.answer = { status: statusCode, header, bytes: async () => body }
        resolve(judge(statusCode, body))
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Accepted if the Status of the Item's command is 200 (or 201), as the client itself reads it. */
function judge(httpStatus: number | undefined, body: Uint8Array): 'accepted' | 'refused' {
  if (httpStatus !== 200) return 'refused'
  const statuses = decodeMessage(body, 'wbxml').commands.filter((command) => command.name === 'Status')
  const item = statuses.filter((status) => status.cmd === 'Replace' || status.cmd === 'Add')
  return item.length > 0 && item.every((status) => /^20[01]$/.test(String(status.data))) ? 'accepted' : 'refused'
}
