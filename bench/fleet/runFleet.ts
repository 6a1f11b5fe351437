/**
 * The fleet: many devices, each with one small Delta a night, against one server process over real HTTP, for a cold and
 * a warm night; beside it the bare loop on copies of the same files. At the end every copy is compared with its device.
 */

import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { startServer } from '../contenders/nightferry.ts'
import { ownProcessorSeconds, processorSeconds, untilQuiet, watchMemory } from '../measure/processTree.ts'
import { percentile } from '../measure/statistics.ts'
import { makeAccounts } from './accounts.ts'
import { digestCopy, digestDevice, type FleetCopy, listCopies } from './copies.ts'
import type { FleetPlan, FleetReply, FleetRequest } from './plan.ts'

export interface FleetResult {
  readonly devices: number
  readonly accounts: number
  /** Exchanges on their way at once. */
  readonly width: number
  /** The first night of a server that has just started: its processes start, its code is cold. */
  readonly cold: FleetNight
  /** The next night of the same server. */
  readonly warm: FleetNight
  readonly serverRssBytes: number
  readonly refused: number
  /** Devices whose copy does not hold what they hold. */
  readonly lost: number
}

/** One night of all devices. */
export interface FleetNight {
  readonly wallMs: number
  /** Processor time of the server and its workers. */
  readonly serverCpuMs: number
  /** The part of it that the server's main process used; the rest is its workers'. */
  readonly mainCpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
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
    const { pid = 0 } = server.process
    const memory = watchMemory(pid)
    const cold = await runNight(fleet, pid, server.port)
    report('fleet: the second night is made')
    await ask(fleet, { kind: 'prepareNext', port: server.port })
    await untilQuiet(pid)
    const warm = await runNight(fleet, pid, server.port)
    const serverRssBytes = await memory.stop()
    await server.stop()
    const second = bare()
    const held = (await listCopies(dataFolder)).map(digestCopy).toSorted()
    const wanted = Array.from({ length: devices }, (_, device) => digestDevice(deviceFolder, device)).toSorted()
    return {
      devices,
      accounts,
      width: WIDTH,
      cold: { ...cold.night, ...meanOf(first[0], second[0]) },
      warm: { ...warm.night, ...meanOf(first[1], second[1]) },
      serverRssBytes,
      refused: cold.refused + warm.refused,
      lost: countMissing(wanted, held),
    }
  } finally {
    fleet.disconnect()
  }
}

interface BareNight {
  readonly wallMs: number
  readonly cpuMs: number
}

function meanOf(a: BareNight, b: BareNight): Pick<FleetNight, 'bareWallMs' | 'bareCpuMs'> {
  return { bareWallMs: (a.wallMs + b.wallMs) / 2, bareCpuMs: (a.cpuMs + b.cpuMs) / 2 }
}

/** All devices send the message they kept. */
async function runNight(fleet: ChildProcess, pid: number, port: number) {
  const [cpuBefore, mainBefore] = [processorSeconds(pid), ownProcessorSeconds(pid)]
  const startedAt = performance.now()
  const ran = await ask(fleet, { kind: 'run', port, width: WIDTH })
  const wallMs = performance.now() - startedAt
  const serverCpuMs = (processorSeconds(pid) - cpuBefore) * 1000
  const mainCpuMs = (ownProcessorSeconds(pid) - mainBefore) * 1000
  if (ran.kind !== 'ran') throw new Error('the fleet did not run')
  const { latenciesMs, refused } = ran
  const [p50Ms, p99Ms] = [percentile(latenciesMs, 0.5), percentile(latenciesMs, 0.99)]
  return { night: { wallMs, serverCpuMs, mainCpuMs, p50Ms, p99Ms }, refused }
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
  await makeAccounts(dataFolder, accounts)
  const server = await startServer(dataFolder)
  try {
    report(`fleet: ${devices} devices of ${accounts} accounts are registered and backed up`)
    const plan: FleetPlan = { server: `http://127.0.0.1:${server.port}`, devices, accounts, folder: deviceFolder }
    await ask(fleet, { kind: 'prepare', plan })
  } finally {
    await server.stop()
  }
}

/** The bare loop on fresh copies of the same files, each time it is called. */
function prepareBareLoop(copies: readonly FleetCopy[], folder: string): () => [BareNight, BareNight] {
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
