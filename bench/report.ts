/** The figures as Markdown: what the bench prints, and what docs/performance.md is. Pure. */

import { type AttackFigures, attackTable } from './attackTable.ts'
import { type DeliveryResult, deliveryLines } from './delivery.ts'
import type { FleetResult } from './fleet/runFleet.ts'
import type { PairResult, SideFigures } from './fleet/runPair.ts'
import type { MachineFacts } from './measure/machine.ts'
import type { Cost } from './measure/runProcess.ts'
import type { PastResult } from './runPast.ts'
import type { ContenderResult, WorkloadResult } from './runWorkload.ts'

export interface BenchResult {
  readonly measuredAt: string
  readonly machine: MachineFacts
  readonly workloads: readonly WorkloadResult[]
  readonly fleet?: FleetResult
  readonly attacks?: readonly AttackFigures[]
  readonly past?: PastResult
  readonly pair?: PairResult
  readonly delivery?: DeliveryResult
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
    ...(result.pair ? pairLines(result.pair) : []),
    ...(result.attacks ? attackLines(result.attacks) : []),
    ...(result.past ? pastLines(result.past) : []),
    ...(result.delivery ? deliveryLines(result.delivery) : []),
    '',
  ].join('\n')
}

function machineLines({ machine, measuredAt }: BenchResult): string[] {
  const { system, processors, processor, memoryBytes, node, load, versions, launcher } = machine
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const old = launcher.old
    ? `; ${launcher.old.startMs.toFixed(0)} ms where the launcher must exchange a Node ${launcher.old.version} for the locked one`
    : ''
  return [
    `Measured ${measuredAt.slice(0, 16)} UTC on ${processors} × ${processor}, ${formatBytes(memoryBytes)} of memory, ${system}, Node ${node}; ${programs.join(', ')}. Load of the machine at the end: ${load.toFixed(1)}. Loopback, all contenders in turn in one run, another one first each night, medians. Whole processes, except where a resident agent is asked by its socket: then from the request to the last octet of the answer. Processor time is that of both sides, the server's work after its answer included.`,
    '',
    `Memory is the highest of all runs, of the device / of the server with its workers: proportional set size, so that what processes share counts once, with what came to lie in RAM file systems counted in.`,
    '',
    `Starting \`nightferry-device\` and ending it again takes ${launcher.startMs.toFixed(0)} ms${old}.`,
    '',
  ]
}

function workloadLines(result: WorkloadResult): string[] {
  const { workload, sizeBytes, nights, runs, contenders, missing } = result
  const absent = missing.length > 0 ? ` Not installed here: ${missing.join(', ')}.` : ''
  const head = [
    '',
    `## ${workload}`,
    '',
    `${formatBytes(sizeBytes)}, ${nights} nights; first backup and restores ${runs} times.${absent}`,
    '',
    '| | first backup | sent | nightly | sent / received | restore after night 1 | after the last | ratio | stored | |',
    '|---|---|---|---|---|---|---|---|---|---|',
  ]
  const rows = contenders.map((each) => {
    const cells = [
      each.name,
      formatTimes(each.firstBackup),
      formatBytes(each.firstBackup.bytesUp),
      formatTimes(each.nightly),
      `${formatBytes(each.nightly.bytesUp)} / ${formatBytes(each.nightly.bytesDown)}`,
      formatTimes(each.restoreFirst),
      formatTimes(each.restoreLast),
      (each.restoreLast.wallMs / each.restoreFirst.wallMs).toFixed(2),
      formatBytes(each.storedBytes),
      each.note,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [...head, ...rows, ...sizeLines(contenders), ...memoryLines(contenders)]
}

/** What the size of the database adds to a night of the same changes. */
function sizeLines(contenders: readonly ContenderResult[]): string[] {
  const large = contenders.find(({ key }) => key === 'nightferry')?.nightly
  const small = contenders.find(({ key }) => key === 'small')?.nightly
  if (!large || !small) return []
  const [wall, cpu] = [large.wallMs / small.wallMs, large.cpuMs / small.cpuMs]
  return [
    '',
    `A night beside the same changes in 5 MB: ${wall.toFixed(2)} × by the clock, ${cpu.toFixed(2)} × processor time.`,
  ]
}

function memoryLines(contenders: readonly ContenderResult[]): string[] {
  const inRam = Math.max(...contenders.flatMap(costsOf).map((cost) => cost.ramDiskBytes))
  const cell = ({ deviceRssBytes, serverRssBytes }: Cost): string =>
    serverRssBytes > 0 ? `${formatBytes(deviceRssBytes)} / ${formatBytes(serverRssBytes)}` : formatBytes(deviceRssBytes)
  const rows = contenders.map((each) => {
    const restore =
      each.restoreFirst.serverRssBytes > each.restoreLast.serverRssBytes ? each.restoreFirst : each.restoreLast
    return `| ${each.name} | ${cell(each.firstBackup)} | ${cell(each.nightly)} | ${cell(restore)} |`
  })
  const head = ['', `Memory, device / server; ${formatBytes(inRam)} of it in RAM file systems.`, '']
  return [...head, '| | first backup | nightly | restore |', '|---|---|---|---|', ...rows]
}

function costsOf({ firstBackup, nightly, restoreFirst, restoreLast }: ContenderResult): Cost[] {
  return [firstBackup, nightly, restoreFirst, restoreLast]
}

function pastLines(past: PastResult): string[] {
  const { workload, nights, fileBytes, storedBytes, oldValuesBytes, plainMs, newestMs, oldMs } = past
  const share = storedBytes / (fileBytes + oldValuesBytes)
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
  return [
    '',
    '## Older states',
    '',
    `${workload} after ${nights} nights, all of them kept: the server's copy takes ${formatBytes(storedBytes)}, ${share.toFixed(2)} × the application's file (${formatBytes(fileBytes)}) and the gzip of all old values (${formatBytes(oldValuesBytes)}).`,
    '',
    `A restore of the newest state takes ${seconds(newestMs)}, ${(newestMs / plainMs).toFixed(2)} × one of the same database of which nothing older is known (${seconds(plainMs)}); of the state 30 nights before ${seconds(oldMs)}, ${(oldMs / newestMs).toFixed(2)} × the newest. Medians of whole processes in turn.`,
  ]
}

function fleetLines(fleet: FleetResult): string[] {
  const { devices, accounts, width } = fleet
  const perSecond = (ms: number): number => (devices * 1000) / ms
  const rate = (ms: number): string => perSecond(ms).toFixed(0)
  const percent = (share: number): string => `${(100 * share).toFixed(0)} %`
  const nights = [['cold', fleet.cold] as const, ['warm', fleet.warm] as const]
  return [
    '',
    '## Fleet',
    '',
    `${devices} devices of ${accounts} accounts send one Delta of 15 rows each over HTTP, ${width} at once, to one server; the devices run in a second process on the same machine. The bare loop opens each encrypted copy, writes the same rows by plain SQL, commits with fsync and closes it, in one process. Both do two nights: cold is the first after their start, warm the one after it.`,
    '',
    '| | devices/s | devices/s per core of its own processor time | p50 | p99 |',
    '|---|---|---|---|---|',
    ...nights.flatMap(([name, night]) => [
      `| server, ${name} | ${rate(night.wallMs)} | ${rate(night.serverCpuMs)} | ${night.p50Ms.toFixed(0)} ms | ${night.p99Ms.toFixed(0)} ms |`,
      `| bare loop, ${name} | ${rate(night.bareWallMs)} | ${rate(night.bareCpuMs)} | | |`,
    ]),
    '',
    ...nights.map(([name, { bareCpuMs, serverCpuMs, mainCpuMs }]) => {
      const main = (mainCpuMs / devices).toFixed(2)
      const workers = ((serverCpuMs - mainCpuMs) / devices).toFixed(2)
      return `Per core the ${name} server does ${percent(bareCpuMs / serverCpuMs)} of the bare loop by processor time: ${main} ms a device in its main process, ${workers} ms in its workers, against ${(bareCpuMs / devices).toFixed(2)} ms.`
    }),
    '',
    `Memory of the server and its workers: ${formatBytes(fleet.serverRssBytes)}. Refused: ${fleet.refused}. Copies that differ from their device at the end: ${fleet.lost}.`,
  ]
}

function pairLines(pair: PairResult): string[] {
  const { devices, accounts, width, on, off, parts } = pair
  const rowOf = (name: string, { wallMs, cpuMs, p50Ms, p99Ms, rssBytes }: SideFigures): string =>
    `| ${name} | ${((devices * 1000) / wallMs).toFixed(0)} | ${((devices * 1000) / cpuMs).toFixed(0)} | ${p50Ms.toFixed(0)} ms | ${p99Ms.toFixed(0)} ms | ${formatBytes(rssBytes)} |`
  return [
    '',
    '## Older states, quotas and slots for a fleet',
    '',
    `${devices} devices of ${accounts} accounts send two nights of 15 rows each over HTTP, ${width} at once, to two servers that began with the same data: one keeps older states, counts quotas and hands out slots, the other does nothing of it. They take turns, ${parts} parts each; the second night is measured.`,
    '',
    '| | devices/s | devices/s per core of its own processor time | p50 | p99 | memory |',
    '|---|---|---|---|---|---|',
    rowOf('with', on),
    rowOf('without', off),
    '',
    `With all of it the server does ${((100 * off.cpuMs) / on.cpuMs).toFixed(0)} % of the rate by processor time, ${((100 * off.wallMs) / on.wallMs).toFixed(0)} % by the clock (median of the parts ${(100 * pair.medianWallRatio).toFixed(0)} %).`,
    '',
    `Acknowledged: ${on.acknowledged} of ${on.sent} with, ${off.acknowledged} of ${off.sent} without; answers with a slot: ${pair.slots}. Copies that differ from their device: ${on.lost} with, ${off.lost} without. Restores that equal their device: ${pair.restoresEqual} of ${pair.restores}.`,
  ]
}

function attackLines(figures: readonly AttackFigures[]): string[] {
  return [
    '',
    '## Under attack',
    '',
    'An honest device takes small backups one after the other, alone and beside an attacker with two connections, which runs on the same machine at the lowest priority. Demanded is a p99 of at most 3 × the calm one; the calm figures are those just before and after each attack.',
    '',
    ...attackTable(figures),
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
