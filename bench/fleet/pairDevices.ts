/**
 * The devices of two servers that began with the same data, in a process of their own. Each message is made once by the
 * real client; for the second server its credentials are made anew, since each server gives nonces of its own.
 */

import http from 'node:http'
import { join } from 'node:path'
import { ADVICE_HEADER, parseAdvice } from '../../schemas/http/advice.ts'
import { decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import { ha1, md5Credential } from '../../schemas/syncml/credential.ts'
import type { MadeDevice } from './accounts.ts'
import { digestFile } from './copies.ts'
import { createDevice, type Device, inParallel, type KeptMessage, keepNight, moveServer, send } from './device.ts'
import { makeFleetDatabase } from './fleetDatabase.ts'
import type { PairReply, PairRequest, Side } from './pairPlan.ts'

interface PairedDevice {
  readonly device: Device
  readonly made: MadeDevice
  /** The message of this night for the server without; its answer lies in it. */
  twin: KeptMessage | undefined
  /** What that server gave as nonce last; undefined while both gave the same. */
  nonce: Uint8Array | undefined
}

const HOUR_MS = 3_600_000
const AT_ONCE = 8
const REPORT_EVERY = 500

let fleet: PairedDevice[] = []
let ports: Readonly<Record<Side, number>> = { on: 0, off: 0 }

const progress = (line: string): void => void process.stderr.write(`${line}\n`)

async function begin(server: string, folder: string, devices: readonly MadeDevice[]): Promise<PairReply> {
  makeFleetDatabase(join(folder, 'template.db'))
  fleet = devices.map((made, number) => ({
    ...{ device: createDevice(number, folder), made },
    ...{ twin: undefined, nonce: undefined },
  }))
  let done = 0
  await inParallel(fleet, AT_ONCE, async ({ device, made: { user, deviceId, secret } }) => {
    await device.records.setIdentity({ server, user, device: `device-${device.number}`, deviceId })
    await device.records.setSecret(secret)
    await device.client.add({ path: device.path, name: 'app' })
    await device.client.backup('app')
    if (++done % REPORT_EVERY === 0) progress(`d6: ${done} of ${fleet.length} devices are backed up`)
  })
  return { kind: 'done' }
}

async function makeNight(night: number, at: Readonly<Record<Side, number>>): Promise<PairReply> {
  ports = at
  let done = 0
  const from = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 20 * HOUR_MS
  await inParallel(fleet, AT_ONCE, async (paired) => {
    const { device } = paired
    await hear(device)
    // Windows of one to eight hours, as users choose them.
    const start = from + (device.number % 4) * HOUR_MS
    await keepNight(device, night, { from: start, until: start + (1 + (device.number % 8)) * HOUR_MS })
    if (device.kept === undefined) throw new Error('a device made no message')
    paired.twin = twinOf(device.kept, paired)
    if (++done % REPORT_EVERY === 0) progress(`d6: ${done} of ${fleet.length} messages of night ${night + 1} are made`)
  })
  return { kind: 'done' }
}

/** The client goes on with the answer of the server that has everything switched on. */
async function hear(device: Device): Promise<void> {
  const { kept } = device
  if (kept === undefined) return
  if (kept.answer === undefined) throw new Error('a device has no answer')
  device.keeping = false
  device.kept = undefined
  kept.answered(kept.answer)
  await device.night
}

function twinOf(kept: KeptMessage, { made, nonce }: PairedDevice): KeptMessage {
  if (nonce === undefined) return { ...kept }
  const message = decodeMessage(kept.body, 'wbxml')
  const cred = message.header.cred
  if (cred === undefined) throw new Error('a message without credentials')
  const text = md5Credential(ha1(made.user, made.secret), nonce)
  const header = { ...message.header, cred: { ...cred, data: { kind: 'text' as const, text } } }
  return { ...kept, body: encodeMessage({ ...message, header }, 'wbxml') }
}

async function sendAll(side: Side, from: number, to: number, width: number): Promise<PairReply> {
  const agent = agents[side]
  agent.maxSockets = width
  const latenciesMs: number[] = []
  let [acknowledged, slots] = [0, 0]
  await inParallel(fleet.slice(from, to), width, async (paired) => {
    const kept = side === 'on' ? paired.device.kept : paired.twin
    if (kept === undefined) throw new Error('the message of a device is missing')
    const startedAt = performance.now()
    const status = await send(kept, ports[side], agent)
    latenciesMs.push(performance.now() - startedAt)
    if (status === 'accepted') acknowledged++
    if (parseAdvice(kept.answer?.header(ADVICE_HEADER) ?? '').slotAt !== undefined) slots++
    if (side === 'off') paired.nonce = await nonceIn(kept)
  })
  return { kind: 'sent', latenciesMs, acknowledged, slots }
}

const agents: Readonly<Record<Side, http.Agent>> = {
  on: new http.Agent({ keepAlive: true }),
  off: new http.Agent({ keepAlive: true }),
}

async function nonceIn({ answer }: KeptMessage): Promise<Uint8Array | undefined> {
  if (answer?.status !== 200) return undefined
  const status = decodeMessage(await answer.bytes(), 'wbxml').commands.find(({ name }) => name === 'Status')
  return status?.name === 'Status' ? status.chal?.meta.nextNonce : undefined
}

async function restore(port: number, numbers: readonly number[]): Promise<PairReply> {
  moveServer(port)
  let equal = 0
  for (const number of numbers) {
    const device = fleet[number]?.device
    if (device === undefined) throw new Error(`there is no device ${number}`)
    await hear(device)
    const to = `${device.path}.restored`
    await device.client.restore({ database: 'app', to })
    if (digestFile(to) === digestFile(device.path)) equal++
  }
  return { kind: 'restored', equal }
}

function carryOut(request: PairRequest): Promise<PairReply> {
  switch (request.kind) {
    case 'begin':
      return begin(request.server, request.folder, request.devices)
    case 'night':
      return makeNight(request.night, request.ports)
    case 'send':
      return sendAll(request.side, request.from, request.to, request.width)
    case 'restore':
      return restore(request.port, request.devices)
  }
}

process.on('message', (message) => {
  carryOut(message as PairRequest).then(
    (reply) => process.send?.(reply),
    (cause: unknown) => {
      const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
      process.send?.({ kind: 'failed', message: text } satisfies PairReply)
    },
  )
})
process.on('disconnect', () => process.exit(0))
