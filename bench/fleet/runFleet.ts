/**
 * The fleet: many devices, each with one small Delta, against one server process over real HTTP; beside it the bare
 * loop on copies of the same files. At the end every copy is compared with its device.
 */

import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createAccount, startServer } from '../contenders/nightferry.ts'
import { processorSeconds, watchMemory } from '../measure/processTree.ts'
import { percentile } from '../measure/statistics.ts'
import { digestCopy, digestDevice, type FleetCopy, listCopies } from './copies.ts'
import { type FleetPlan, type FleetReply, type FleetRequest, fleetAccount } from './plan.ts'

export interface FleetResult {
  readonly devices: number
  readonly accounts: number
  /** Exchanges on their way at once. */
  readonly width: number
  readonly wallMs: number
  /** Processor time of the server and its workers. */
  readonly serverCpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverRssBytes: number
  readonly refused: number
  /** Devices whose copy does not hold what they hold. */
  readonly lost: number
  readonly bareWallMs: number
  readonly bareCpuMs: number
}

const WIDTH = 64
const DEVICES_OF_ONE_ACCOUNT = 50

export async function runFleet(devices: number, folder: string, report: (line: string) => void): Promise<FleetResult> {
  const dataFolder = join(folder, 'fleet-data')
  const deviceFolder = join(folder, 'fleet-devices')
  mkdirSync(deviceFolder, { recursive: true })
  const accounts = Math.max(1, Math.ceil(devices / DEVICES_OF_ONE_ACCOUNT))
  const fleet = fork(new URL('./devices.ts', import.meta.url), { serialization: 'advanced' })
  try {
    await prepareFleet(fleet, { devices, accounts, dataFolder, deviceFolder, report })
    const bare = prepareBareLoop(await listCopies(dataFolder), folder)
    const first = bare()
    const server = await startServer(dataFolder)
    const memory = watchMemory(server.process.pid ?? 0)
    const cpuBefore = processorSeconds(server.process.pid ?? 0)
    const startedAt = performance.now()
    const ran = await ask(fleet, { kind: 'run', port: server.port, width: WIDTH })
    const wallMs = performance.now() - startedAt
    const serverCpuMs = (processorSeconds(server.process.pid ?? 0) - cpuBefore) * 1000
    const serverRssBytes = await memory.stop()
    await server.stop()
    const second = bare()
    if (ran.kind !== 'ran') throw new Error('the fleet did not run')
    const held = (await listCopies(dataFolder)).map(digestCopy).toSorted()
    const wanted = Array.from({ length: devices }, (_, device) => digestDevice(deviceFolder, device)).toSorted()
    return {
      devices,
      accounts,
      width: WIDTH,
      wallMs,
      serverCpuMs,
      p50Ms: percentile(ran.latenciesMs, 0.5),
      p99Ms: percentile(ran.latenciesMs, 0.99),
      serverRssBytes,
      refused: ran.refused,
      lost: countMissing(wanted, held),
      bareWallMs: (first.wallMs + second.wallMs) / 2,
      bareCpuMs: (first.cpuMs + second.cpuMs) / 2,
    }
  } finally {
    fleet.disconnect()
  }
}

interface Preparation {
  readonly devices: number
  readonly accounts: number
  readonly dataFolder: string
  readonly deviceFolder: string
  report(line: string): void
}

async function prepareFleet(fleet: ChildProcess, preparation: Preparation): Promise<void> {
  const { devices, accounts, dataFolder, deviceFolder, report } = preparation
  const server = await startServer(dataFolder)
  try {
    report(`fleet: ${devices} devices of ${accounts} accounts are registered and backed up`)
    const plan: FleetPlan = { server: `http://127.0.0.1:${server.port}`, devices, accounts, folder: deviceFolder }
    for (let i = 0; i < accounts; i++) await createAccount(server.port, fleetAccount(i, plan).user)
    await ask(fleet, { kind: 'prepare', plan })
  } finally {
    await server.stop()
  }
}

/** The bare loop on fresh copies of the same files, each time it is called. */
function prepareBareLoop(copies: readonly FleetCopy[], folder: string): () => { wallMs: number; cpuMs: number } {
  const pristine = join(folder, 'bare-pristine')
  mkdirSync(pristine, { recursive: true })
  for (const { path } of copies) cpSync(path, join(pristine, basename(path)))
  return () => {
    const bareFolder = join(folder, 'bare')
    cpSync(pristine, bareFolder, { recursive: true, force: true })
    const list = join(folder, 'bare.json')
    const moved = copies.map(({ path, key }) => ({ path: join(bareFolder, basename(path)), key }))
    writeFileSync(list, JSON.stringify(moved), { mode: 0o600 })
    const program = join(import.meta.dirname, 'bareLoop.ts')
    return JSON.parse(execFileSync(process.execPath, [program, list], { encoding: 'utf8' }))
  }
}

/** How many of `wanted` are not in `held`; both sorted. */
function countMissing(wanted: readonly string[], held: readonly string[]): number {
  let at = 0
  let missing = 0
  for (const digest of wanted) {
    while (at < held.length && (held[at] ?? '') < digest) at++
    if (held[at] === digest) at++
    else missing++
  }
  return missing
}

async function ask(fleet: ChildProcess, request: FleetRequest): Promise<FleetReply> {
  fleet.send(request)
  const ended = once(fleet, 'exit').then(() => Promise.reject(new Error('the process of the devices ended')))
  const [reply] = (await Promise.race([once(fleet, 'message'), ended])) as [FleetReply]
  if (reply.kind === 'failed') throw new Error(reply.message)
  return reply
}
