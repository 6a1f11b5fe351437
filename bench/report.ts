/** The figures as Markdown: what the bench prints, and what docs/performance.md is. Pure. */

import type { FleetResult } from './fleet/runFleet.ts'
import type { MachineFacts } from './measure/machine.ts'
import type { Cost } from './measure/runProcess.ts'
import type { WorkloadResult } from './runWorkload.ts'

export interface BenchResult {
  readonly measuredAt: string
  readonly machine: MachineFacts
  readonly workloads: readonly WorkloadResult[]
  readonly fleet?: FleetResult
}

/** The whole page. */
export function formatReport(result: BenchResult): string {
  return [
    '# Performance',
    '',
    'Made by `npm run bench -- --write-docs`; not written by hand.',
    '',
    ...machineLines(result),
    ...result.workloads.flatMap(workloadLines),
    ...(result.fleet ? fleetLines(result.fleet) : []),
    '',
  ].join('\n')
}

function machineLines({ machine, measuredAt }: BenchResult): string[] {
  const { system, processors, processor, memoryBytes, node, load, versions } = machine
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `Measured ${measuredAt.slice(0, 16)} UTC on ${processors} × ${processor}, ${formatBytes(memoryBytes)} of memory, ${system}, Node ${node}; ${programs.join(', ')}. Load of the machine at the end: ${load.toFixed(1)}. Whole processes on loopback, all contenders in turn in one run, medians; memory is the highest of all runs, device / server with its workers.`,
    '',
  ]
}

function workloadLines({ workload, sizeBytes, nights, runs, contenders, missing }: WorkloadResult): string[] {
  const head = [
    '',
    `## ${workload}`,
    '',
    `${formatBytes(sizeBytes)}, ${nights} nights; first backup and restores ${runs} times.${missing.length > 0 ? ` Not installed here: ${missing.join(', ')}.` : ''}`,
    '',
    '| | first backup | sent | nightly | sent / received | restore after night 1 | after the last | stored | memory | |',
    '|---|---|---|---|---|---|---|---|---|---|',
  ]
  const rows = contenders.map((each) => {
    const costs = [each.firstBackup, each.nightly, each.restoreFirst, each.restoreLast]
    const device = Math.max(...costs.map((cost) => cost.deviceRssBytes))
    const server = Math.max(...costs.map((cost) => cost.serverRssBytes))
    const memory = server > 0 ? `${formatBytes(device)} / ${formatBytes(server)}` : formatBytes(device)
    const cells = [
      each.name,
      formatTimes(each.firstBackup),
      formatBytes(each.firstBackup.bytesUp),
      formatTimes(each.nightly),
      `${formatBytes(each.nightly.bytesUp)} / ${formatBytes(each.nightly.bytesDown)}`,
      formatTimes(each.restoreFirst),
      formatTimes(each.restoreLast),
      formatBytes(each.storedBytes),
      memory,
      each.note,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [...head, ...rows]
}

function fleetLines(fleet: FleetResult): string[] {
  const { devices, accounts, width, wallMs, serverCpuMs, bareWallMs, bareCpuMs } = fleet
  const perSecond = (ms: number): number => (devices * 1000) / ms
  const rate = (ms: number): string => perSecond(ms).toFixed(0)
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`
  return [
    '',
    '## Fleet',
    '',
    `${devices} devices of ${accounts} accounts send one Delta of 15 rows each over HTTP, ${width} at once, to one server; the devices run in a second process on the same machine. The bare loop opens each encrypted copy, writes the same rows by plain SQL, commits with fsync and closes it, in one process.`,
    '',
    '| | devices/s | devices/s per core of its own processor time | p50 | p99 | memory |',
    '|---|---|---|---|---|---|',
    `| server | ${rate(wallMs)} | ${rate(serverCpuMs)} | ${fleet.p50Ms.toFixed(0)} ms | ${fleet.p99Ms.toFixed(0)} ms | ${formatBytes(fleet.serverRssBytes)} |`,
    `| bare loop | ${rate(bareWallMs)} | ${rate(bareCpuMs)} | | | |`,
    '',
    `Per core the server does ${percent(bareCpuMs / serverCpuMs)} of the bare loop by processor time, ${percent(bareWallMs / serverCpuMs)} of its rate by the clock. Refused: ${fleet.refused}. Copies that differ from their device at the end: ${fleet.lost}.`,
  ]
}

/** Wall clock, and processor time of both sides. */
function formatTimes({ wallMs, cpuMs }: Cost): string {
  return `${(wallMs / 1000).toFixed(2)} s (CPU ${(cpuMs / 1000).toFixed(2)})`
}

function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} KB`
  return `${(bytes / 1e6).toFixed(1)} MB`
}
