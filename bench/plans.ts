/**
 * How long a Delivery takes to plan and to assign anew: 1,000 devices with one or two links each, 10,000 segments, of one
 * size and of many, with and without data limits and types. Prints medians.
 *
 *   node bench/plans.ts [--devices 1000] [--segments 10000] [--runs 5] [--json]
 */

import { parseArgs } from 'node:util'
import type { DataSet } from '../schemas/delivery/dataSet.ts'
import type { DeviceDescription } from '../schemas/delivery/deviceDescription.ts'
import { type DeliveryPreferences, type StrategyName, strategyName } from '../schemas/delivery/preferences.ts'
import { rangesOf } from '../schemas/delivery/segmentRanges.ts'
import { participantOf } from '../server/delivery/availability.ts'
import { planDelivery } from '../server/delivery/planDelivery.ts'
import { reassign } from '../server/delivery/reassign.ts'

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '1000' },
    segments: { type: 'string', default: '10000' },
    runs: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
})

const NOW = 1_700_000_000_000
const TYPES = ['database', 'mail', 'file'] as const

/** The same numbers each time (xorshift), from 0 to below 1. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const random = numbers(7)
const descriptions: DeviceDescription[] = Array.from({ length: Number(values.devices) }, (_, device) => ({
  deviceId: `device-${device}`,
  seenAt: NOW,
  syncEnabled: true,
  networks: ['here'],
  links: Array.from({ length: 1 + (device % 2) }, (_, link) => ({
    linkId: `link-${link}`,
    type: link === 0 ? ('wifi' as const) : ('cellular' as const),
    measuredBytesPerSecond: 100_000 + Math.floor(random() * 3_000_000),
    costPerGigabyte: Math.floor(random() * 5),
  })),
}))

function dataSet(isEqual: boolean, isMixed: boolean): DataSet {
  const segments = Array.from({ length: Number(values.segments) }, (_, number) => ({
    number,
    sizeBytes: isEqual ? 1_048_576 : 300_000 + Math.floor(random() * 1_800_000),
    priority: number % 3,
    type: isMixed ? (TYPES[number % 3] ?? 'database') : 'database',
  }))
  return { dataSetId: 'data', objects: 1, segments }
}

function preferences(strategy: StrategyName, isLimited: boolean, isMixed: boolean): DeliveryPreferences {
  const devices = descriptions.map(({ deviceId }, device) => ({
    deviceId,
    ...(isLimited && device % 3 === 0 ? { dataLimitBytes: 5_000_000 } : {}),
    ...(isMixed && device % 4 === 0 ? { dataTypes: [TYPES[device % 3] ?? 'database', 'file'] } : {}),
  }))
  return { strategy, devices, onLoss: 'take-over' }
}

const figures = [true, false].flatMap((isEqual) =>
  [false, true].flatMap((isConstrained) =>
    strategyName.options.map((strategy) => measure(strategy, isEqual, isConstrained)),
  ),
)

function measure(strategy: StrategyName, isEqual: boolean, isConstrained: boolean) {
  const set = dataSet(isEqual, isConstrained)
  const wanted = preferences(strategy, isConstrained, isConstrained)
  const plan = () => planDelivery(set, descriptions, wanted, NOW)
  const verdict = plan().shared[0]?.verdict
  const current = verdict?.kind === 'assigned' ? verdict.assignments : []
  // A third is there, a tenth of the devices is lost, and every other one is half as fast.
  const devices = wanted.devices.slice(0, Math.ceil(0.9 * wanted.devices.length)).map((preference, index) => {
    const participant = participantOf(descriptions[index] ?? descriptions[0] ?? fail(), preference)
    const factor = index % 2 === 0 ? 0.5 : 1
    const links = participant.links.map((link) => ({ ...link, bytesPerSecond: link.bytesPerSecond * factor }))
    return { ...participant, links }
  })
  const held = new Map([
    ['device-1', rangesOf(set.segments.flatMap(({ number }) => (number % 3 === 0 ? [number] : [])))],
  ])
  const again = () =>
    strategy === 'full'
      ? undefined
      : reassign({ strategy, segments: set.segments, devices, current, held, inFlight: [] })
  return {
    strategy,
    sizes: isEqual ? 'equal' : 'unequal',
    limits: isConstrained ? 'limits and types' : 'none',
    verdict: verdict?.kind ?? 'alone',
    ...timed('plan', plan),
    ...(strategy === 'full' ? {} : timed('reassign', again)),
  }
}

/** Milliseconds by the clock and of the processor, each the median of the runs: a busy machine shows in the first only. */
function timed(name: string, work: () => unknown): Record<string, number> {
  const runs = Array.from({ length: Number(values.runs) }, () => {
    const [begun, cpu] = [performance.now(), process.cpuUsage()]
    work()
    const { user, system } = process.cpuUsage(cpu)
    return { ms: performance.now() - begun, cpuMs: (user + system) / 1000 }
  })
  const median = (times: readonly number[]): number =>
    Math.round((times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0) * 10) / 10
  return {
    [`${name}Ms`]: median(runs.map(({ ms }) => ms)),
    [`${name}CpuMs`]: median(runs.map(({ cpuMs }) => cpuMs)),
  }
}

function fail(): never {
  throw new Error('there are no devices')
}

const columns = [...new Set(figures.flatMap((row) => Object.keys(row)))]
const cell = (row: Readonly<Record<string, string | number>>, column: string): string => String(row[column] ?? '')
const table = [
  columns,
  columns.map(() => '---'),
  ...figures.map((row) => columns.map((column) => cell(row, column))),
].map((cells) => `| ${cells.join(' | ')} |`)
process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : `${table.join('\n')}\n`)
