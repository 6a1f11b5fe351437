/**
 * What time machine, quotas and slots cost a fleet: the same devices send the same nights to two servers that began with
 * the same data, one with all of it and one with none, a few hundred devices to the one and then to the other. At the end
 * every copy of both is compared with its device, and some are restored.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningServer, startServer } from '../contenders/nightferry.ts'
import { processorSeconds, untilQuiet, watchMemory } from '../measure/processTree.ts'
import { median, percentile } from '../measure/statistics.ts'
import { makeAccounts } from './accounts.ts'
import { digestCopy, digestDevice, listCopies } from './copies.ts'
import type { PairReply, PairRequest, Side } from './pairPlan.ts'

export interface PairResult {
  readonly devices: number
  readonly accounts: number
  readonly width: number
  readonly on: SideFigures
  readonly off: SideFigures
  /** Of the parts that were measured one after the other: by the clock, the median; and how many there were. */
  readonly medianWallRatio: number
  readonly parts: number
  /** Answers of the server with slots that named one. */
  readonly slots: number
  readonly restores: number
  readonly restoresEqual: number
}

/** Both servers are measured in the second night: the first one warms both alike. */
export interface SideFigures {
  readonly wallMs: number
  /** Processor time of the server and its workers. */
  readonly cpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssBytes: number
  /** Of both nights. */
  readonly sent: number
  readonly acknowledged: number
  /** Devices whose copy does not hold what they hold. */
  readonly lost: number
}

const SIDES = ['on', 'off'] as const
const SETTINGS: Readonly<Record<Side, readonly string[]>> = {
  on: [
    ...['--time-machine', 'on', '--slots', 'on'],
    ...['--quota-account-mb', '1000000', '--quota-account-databases', '100000', '--quota-account-upload-mb', '1000'],
    ...['--quota-account-sessions', '1000000', '--quota-device-mb', '10000', '--quota-device-databases', '100'],
    ...['--quota-device-upload-mb', '1000', '--quota-device-sessions', '3600'],
  ],
  off: [
    ...['--time-machine', 'off', '--slots', 'off', '--overload-ms', '0'],
    ...['--quota-device-databases', '0', '--quota-device-sessions', '0'],
  ],
}

const WIDTH = 64
const PART = 250
const DEVICES_OF_ONE_ACCOUNT = 50
const NIGHTS = 2
const RESTORES = 20

export async function runPair(devices: number, folder: string, report: (line: string) => void): Promise<PairResult> {
  const dataFolders = { on: join(folder, 'pair-on'), off: join(folder, 'pair-off') }
  const deviceFolder = join(folder, 'pair-devices')
  mkdirSync(deviceFolder, { recursive: true })
  const accounts = Math.max(1, Math.ceil(devices / DEVICES_OF_ONE_ACCOUNT))
  const fleet = fork(new URL('./pairDevices.ts', import.meta.url), { serialization: 'advanced' })
  try {
    await begin(fleet, { devices, accounts, dataFolder: dataFolders.on, deviceFolder, report })
    cpSync(dataFolders.on, dataFolders.off, { recursive: true })
    const servers = {
      on: await startServer(dataFolders.on, SETTINGS.on),
      off: await startServer(dataFolders.off, SETTINGS.off),
    }
    const nights = await runNights(fleet, servers, devices, report)
    for (const side of SIDES) await servers[side].stop()
    report('d6: copies are compared with their devices')
    const wanted = Array.from({ length: devices }, (_, device) => digestDevice(deviceFolder, device)).toSorted()
    const lost = { on: 0, off: 0 }
    for (const side of SIDES) lost[side] = countMissing(wanted, (await listCopies(dataFolders[side])).map(digestCopy))
    const restored = await restoreSome(fleet, dataFolders.on, devices)
    const figuresOf = (side: Side): SideFigures => ({ ...nights.figures[side], lost: lost[side] })
    const { medianWallRatio, parts, slots } = nights
    const facts = { devices, accounts, width: WIDTH, on: figuresOf('on'), off: figuresOf('off') }
    return { ...facts, medianWallRatio, parts, slots, ...restored }
  } finally {
    fleet.kill()
  }
}

interface Beginning {
  readonly devices: number
  readonly accounts: number
  readonly dataFolder: string
  readonly deviceFolder: string
  report(line: string): void
}

async function begin(
  fleet: ChildProcess,
  { devices, accounts, dataFolder, deviceFolder, report }: Beginning,
): Promise<void> {
  report(`d6: ${devices} devices of ${accounts} accounts are made and backed up`)
  const made = await makeAccounts(dataFolder, accounts, devices)
  // Nothing is remembered yet, whichever way it goes on.
  const server = await startServer(dataFolder, SETTINGS.on)
  try {
    const address = `http://127.0.0.1:${server.port}`
    await ask(fleet, { kind: 'begin', server: address, folder: deviceFolder, devices: made })
  } finally {
    await server.stop()
  }
}

type Servers = Readonly<Record<Side, RunningServer>>

async function runNights(fleet: ChildProcess, servers: Servers, devices: number, report: (line: string) => void) {
  const pids = { on: servers.on.process.pid ?? 0, off: servers.off.process.pid ?? 0 }
  const memory = { on: watchMemory(pids.on), off: watchMemory(pids.off) }
  const ports = { on: servers.on.port, off: servers.off.port }
  const sums = { on: newSum(), off: newSum() }
  let slots = 0
  for (let night = 0; night < NIGHTS; night++) {
    await ask(fleet, { kind: 'night', night, ports })
    for (const side of SIDES) await untilQuiet(pids[side])
    report(`d6: night ${night + 1} of ${NIGHTS} is sent to both servers`)
    const cpuBefore = { on: processorSeconds(pids.on), off: processorSeconds(pids.off) }
    for (const side of SIDES) Object.assign(sums[side], { walls: [], latenciesMs: [] })
    for (let from = 0, part = 0; from < devices; from += PART, part++) {
      for (const side of part % 2 === 0 ? SIDES : SIDES.toReversed()) {
        const to = Math.min(devices, from + PART)
        const startedAt = performance.now()
        const sent = await ask(fleet, { kind: 'send', side, from, to, width: WIDTH })
        sums[side].walls.push(performance.now() - startedAt)
        if (sent.kind !== 'sent') throw new Error('the devices did not send')
        sums[side].latenciesMs.push(...sent.latenciesMs)
        sums[side].acknowledged += sent.acknowledged
        sums[side].sent += to - from
        slots += side === 'on' ? sent.slots : 0
      }
    }
    for (const side of SIDES) {
      await untilQuiet(pids[side])
      sums[side].cpuMs = (processorSeconds(pids[side]) - cpuBefore[side]) * 1000
    }
  }
  const rssBytes = { on: await memory.on.stop(), off: await memory.off.stop() }
  const figuresOf = (side: Side): Omit<SideFigures, 'lost'> => {
    const { walls, latenciesMs, cpuMs, sent, acknowledged } = sums[side]
    const [p50Ms, p99Ms] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)]
    const wallMs = walls.reduce((sum, wall) => sum + wall, 0)
    return { wallMs, cpuMs, p50Ms, p99Ms, rssBytes: rssBytes[side], sent, acknowledged }
  }
  const ratios = sums.on.walls.map((wall, part) => (sums.off.walls[part] ?? 0) / wall)
  return {
    figures: { on: figuresOf('on'), off: figuresOf('off') },
    ...{ medianWallRatio: median(ratios), parts: ratios.length, slots },
  }
}

interface Sum {
  walls: number[]
  latenciesMs: number[]
  cpuMs: number
  sent: number
  acknowledged: number
}

function newSum(): Sum {
  return { walls: [], latenciesMs: [], cpuMs: 0, sent: 0, acknowledged: 0 }
}

async function restoreSome(fleet: ChildProcess, dataFolder: string, devices: number) {
  const server = await startServer(dataFolder, SETTINGS.on)
  try {
    const restores = Math.min(devices, RESTORES)
    const numbers = Array.from({ length: restores }, (_, at) => Math.floor((at * devices) / restores))
    const reply = await ask(fleet, { kind: 'restore', port: server.port, devices: numbers })
    return { restores, restoresEqual: reply.kind === 'restored' ? reply.equal : 0 }
  } finally {
    await server.stop()
  }
}

/** How many of `wanted` (sorted) are not in `held`. */
function countMissing(wanted: readonly string[], held: readonly string[]): number {
  const left = new Map<string, number>()
  for (const digest of held) left.set(digest, (left.get(digest) ?? 0) + 1)
  return wanted.filter((digest) => {
    const count = left.get(digest) ?? 0
    left.set(digest, count - 1)
    return count <= 0
  }).length
}

async function ask(fleet: ChildProcess, request: PairRequest): Promise<PairReply> {
  const answered = new AbortController()
  const { signal } = answered
  fleet.send(request)
  const ended = once(fleet, 'exit', { signal }).then(() =>
    Promise.reject(new Error('the process of the devices ended')),
  )
  // Nobody waits for it any more once there is an answer.
  ended.catch(() => undefined)
  try {
    const [reply] = (await Promise.race([once(fleet, 'message', { signal }), ended])) as [PairReply]
    if (reply.kind === 'failed') throw new Error(reply.message)
    return reply
  } finally {
    answered.abort()
  }
}
