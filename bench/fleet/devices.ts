/**
 * The simulated devices, in a process of their own. Each has its own database, identity and secrets and runs the real
 * client: registration and first backup over HTTP; then the message of the measured night is made by the same client
 * and kept, so that the measured time is the server's. The parent says when what happens.
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
import type { Fetch, KeyStore } from '../../device-client/ports.ts'
import { CodedError } from '../../schemas/errors.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import { makeFleetDatabase, nightRows, writeNight } from './fleetDatabase.ts'
import { type FleetPlan, type FleetReply, type FleetRequest, fleetAccount } from './plan.ts'

interface Device {
  readonly number: number
  readonly path: string
  readonly client: DeviceClient
  /** While set, messages are kept instead of sent. */
  keeping: boolean
  kept: { path: string; headers: Readonly<Record<string, string>>; body: Uint8Array } | undefined
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

function createDevice(number: number, plan: FleetPlan): Device {
  const folder = join(plan.folder, `device-${number}`)
  mkdirSync(folder)
  const path = join(folder, 'app.db')
  copyFileSync(join(plan.folder, 'template.db'), path)
  const keyStore = memoryKeyStore()
  const keepOrSend: Fetch = async (url, init) => {
    if (!device.keeping) return await fetch(url, init)
    device.kept = { path: new URL(url).pathname, headers: init.headers, body: init.body ?? new Uint8Array() }
    throw new CodedError('auth.forbidden', 'the message is kept')
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
  const device: Device = { number, path, client, keeping: false, kept: undefined }
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

async function prepare(plan: FleetPlan): Promise<FleetReply> {
  makeFleetDatabase(join(plan.folder, 'template.db'))
  devices = Array.from({ length: plan.devices }, (_, number) => createDevice(number, plan))
  await inParallel(devices, 8, async (device) => {
    const { user, password } = fleetAccount(device.number, plan)
    await device.client.init({ server: plan.server, user, password, device: `device-${device.number}` })
    await device.client.add({ path: device.path, name: 'app' })
    await device.client.backup('app')
    const db = new Database(device.path)
    db.transaction(() => writeNight(db, nightRows(device.number)))()
    db.close()
    device.keeping = true
    await device.client.backup('app').catch((cause: unknown) => {
      if (device.kept === undefined) throw cause
    })
  })
  return { kind: 'prepared' }
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
      response.on('end', () => resolve(judge(response.statusCode, Buffer.concat(chunks))))
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

process.on('message', (message) => {
  const request = message as FleetRequest
  const work = request.kind === 'prepare' ? prepare(request.plan) : run(request.port, request.width)
  work.then(
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
