/**
 * The simulated devices, in a process of their own. Each has its own database, identity and secrets and runs the real
 * client: registration and first backup over HTTP; then the message of each measured night is made by the same client
 * and kept, so that the measured time is the server's, and its answer is heard when the night is over. The parent says
 * when what happens.
 */

import { copyFileSync, mkdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createAgentRecords } from '../../device-client/agentRecords.ts'
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
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import { makeFleetDatabase, nightRows, writeNight } from './fleetDatabase.ts'
import { type FleetPlan, type FleetReply, type FleetRequest, fleetAccount } from './plan.ts'

interface Device {
  readonly number: number
  readonly path: string
  readonly client: DeviceClient
  /** While set, messages are kept instead of sent. */
  keeping: boolean
  kept: KeptMessage | undefined
  /** The backup that waits for the answer to the message that is kept. */
  night: Promise<unknown>
  /** Begins a backup and lets its message wait. */
  keepNight(): Promise<void>
}

interface KeptMessage {
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

/** The server is started anew before the measured nights, and listens elsewhere. */
let port: number | undefined

function atPort(url: string): string {
  const moved = new URL(url)
  if (port !== undefined) moved.port = String(port)
  return moved.href
}

function createDevice(number: number, plan: FleetPlan): Device {
  const folder = join(plan.folder, `device-${number}`)
  mkdirSync(folder)
  const path = join(folder, 'app.db')
  copyFileSync(join(plan.folder, 'template.db'), path)
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
  const client = createDeviceClient({
    fetch: keepOrSend,
    clock: nodeClock,
    random: nodeRandom,
    keyStore,
    log: silent,
    gzip: nodeGzip,
    scratch: createFileScratch(folder),
    imager: createFileImager(folder),
    records: createAgentRecords(keyStore),
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
    ...{ number, path, client, keeping: false, kept: undefined, night: Promise.resolve() },
    keepNight: async () => {
      const isKept = new Promise<void>((resolve) => {
        kept = resolve
      })
      device.keeping = true
      device.night = client.backup('app')
      await Promise.race([isKept, device.night])
    },
  }
  return device
}

/** Runs `work` on all of `items`, `width` at a time. */
async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of waiting) await work(item)
    }),
  )
}

let devices: Device[] = []
let nights = 0

async function prepare(plan: FleetPlan): Promise<FleetReply> {
  makeFleetDatabase(join(plan.folder, 'template.db'))
  devices = Array.from({ length: plan.devices }, (_, number) => createDevice(number, plan))
  await inParallel(devices, 8, async (device) => {
    const { user, password } = fleetAccount(device.number, plan)
    await device.client.init({ server: plan.server, user, password, device: `device-${device.number}` })
    await device.client.add({ path: device.path, name: 'app' })
    await device.client.backup('app')
    await keepNight(device, 0)
  })
  return { kind: 'prepared' }
}

/** The devices hear what the server said to the night before, and make the next one. */
async function prepareNext(serverPort: number): Promise<FleetReply> {
  port = serverPort
  nights++
  await inParallel(devices, 8, async (device) => {
    const { kept } = device
    if (kept?.answer === undefined) throw new Error('a device has no answer')
    device.keeping = false
    kept.answered(kept.answer)
    await device.night
    await keepNight(device, nights)
  })
  return { kind: 'prepared' }
}

/** Writes the rows of a night and makes the message that says so, without sending it. */
async function keepNight(device: Device, night: number): Promise<void> {
  const db = new Database(device.path)
  db.transaction(() => writeNight(db, nightRows(device.number, night)))()
  db.close()
  await device.keepNight()
}

async function run(port: number, width: number): Promise<FleetReply> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: width })
  const latenciesMs: number[] = []
  let refused = 0
  await inParallel(devices, width, async (device) => {
    const startedAt = performance.now()
    const status = await send(device, port, agent)
    latenciesMs.push(performance.now() - startedAt)
    if (status !== 'accepted') refused++
  })
  agent.destroy()
  return { kind: 'ran', latenciesMs, refused }
}

function send({ kept }: Device, port: number, agent: http.Agent): Promise<'accepted' | 'refused'> {
  return new Promise((resolve, reject) => {
    if (kept === undefined) throw new Error('the message of this device is missing')
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

function carryOut(request: FleetRequest): Promise<FleetReply> {
  if (request.kind === 'prepare') return prepare(request.plan)
  return request.kind === 'run' ? run(request.port, request.width) : prepareNext(request.port)
}

process.on('message', (message) => {
  const request = message as FleetRequest
  carryOut(request).then(
    (reply) => process.send?.(reply),
    (cause: unknown) => {
      process.send?.({
        kind: 'failed',
        message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      })
    },
  )
})
process.on('disconnect', () => process.exit(0))
