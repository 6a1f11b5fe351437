/** One workload, all contenders side by side: first backups, nights in turn, restores after the first and the last. */

import { rmSync, statSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contender, OpenContender } from './contenders/contender.ts'
import { openNightferry } from './contenders/nightferry.ts'
import { backupAndGzip, borg, restic, sqldiff } from './contenders/peers.ts'
import { rsync } from './contenders/rsync.ts'
import type { Cost } from './measure/runProcess.ts'
import { medianCost } from './measure/statistics.ts'
import { applyNight, makeBase, type WorkloadName } from './workload/workload.ts'

export interface ContenderResult {
  readonly name: string
  readonly note: string
  readonly firstBackup: Cost
  readonly nightly: Cost
  readonly restoreFirst: Cost
  readonly restoreLast: Cost
  readonly storedBytes: number
}

export interface WorkloadResult {
  readonly workload: WorkloadName
  readonly sizeBytes: number
  readonly nights: number
  readonly runs: number
  readonly contenders: readonly ContenderResult[]
  /** Peers that are not installed here. */
  readonly missing: readonly string[]
}

export interface WorkloadOptions {
  readonly nights: number
  /** Repeats of first backup and of each restore. */
  readonly runs: number
  readonly folder: string
  report(line: string): void
}

const peers: Readonly<Record<string, OpenContender>> = {
  restic,
  borg,
  rsync,
  'sqldiff + gzip': sqldiff,
  '.backup + gzip': backupAndGzip,
}

interface Running {
  readonly contender: Contender
  readonly firsts: Cost[]
  readonly nights: Cost[]
  readonly restoresFirst: Cost[]
  readonly restoresLast: Cost[]
}

/** Runs one workload. The bench's folder is left empty. */
export async function runWorkload(workload: WorkloadName, options: WorkloadOptions): Promise<WorkloadResult> {
  const { folder, nights, runs, report } = options
  // Ours observes its database; the peers share one that nobody touched.
  const ownPath = join(folder, 'own.db')
  const peerPath = join(folder, 'app.db')
  for (const path of [ownPath, peerPath]) rmSync(path, { force: true })
  makeBase(peerPath, workload)
  await cp(peerPath, ownPath)
  const sizeBytes = statSync(peerPath).size
  const { running, missing } = await openAll(ownPath, peerPath, folder)
  try {
    for (let run = 0; run < runs; run++)
      for (const each of running) {
        await each.contender.reset()
        each.firsts.push(await reported(report, each.contender, 'first backup', each.contender.firstBackup()))
      }
    for (let night = 1; night <= nights; night++) {
      applyNight(ownPath, workload, night)
      applyNight(peerPath, workload, night)
      for (const each of running)
        each.nights.push(await reported(report, each.contender, `night ${night}`, each.contender.nightly()))
      if (night === 1) for (const each of running) each.restoresFirst.push(...(await restores(each, options)))
    }
    for (const each of running) each.restoresLast.push(...(await restores(each, options)))
    const contenders = await Promise.all(running.map(summarize))
    return { workload, sizeBytes, nights, runs, contenders, missing }
  } finally {
    for (const { contender } of running) await contender.close()
    for (const path of [ownPath, peerPath])
      for (const suffix of ['', '-wal', '-shm']) await rm(path + suffix, { force: true })
  }
}

async function openAll(
  ownPath: string,
  peerPath: string,
  folder: string,
): Promise<{ running: Running[]; missing: string[] }> {
  const contenders: Contender[] = [openNightferry(ownPath, join(folder, 'nightferry'))]
  const missing: string[] = []
  for (const [name, open] of Object.entries(peers)) {
    const peer = await open(peerPath, join(folder, name.replaceAll(/\W+/g, '-')))
    if (peer) contenders.push(peer)
    else missing.push(name)
  }
  const running = contenders.map((contender) => ({
    contender,
    firsts: [],
    nights: [],
    restoresFirst: [],
    restoresLast: [],
  }))
  return { running, missing }
}

async function restores(each: Running, { folder, runs, report }: WorkloadOptions): Promise<Cost[]> {
  const costs: Cost[] = []
  for (let run = 0; run < runs; run++) {
    const path = join(folder, `restored-${run}.db`)
    costs.push(await reported(report, each.contender, 'restore', each.contender.restore(path)))
    for (const suffix of ['', '.out', '-wal', '-shm']) await rm(path + suffix, { recursive: true, force: true })
  }
  return costs
}

async function reported(
  report: (line: string) => void,
  contender: Contender,
  what: string,
  work: Promise<Cost>,
): Promise<Cost> {
  const cost = await work
  const { wallMs, cpuMs, bytesUp, bytesDown, deviceRssBytes, serverRssBytes } = cost
  const memory = `${Math.round(deviceRssBytes / 1e6)}/${Math.round(serverRssBytes / 1e6)} MB`
  report(
    `${contender.name}: ${what}: ${wallMs.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms, ${bytesUp} up, ${bytesDown} down, ${memory}`,
  )
  return cost
}

async function summarize(each: Running): Promise<ContenderResult> {
  const { contender } = each
  return {
    name: contender.name,
    note: contender.note,
    firstBackup: medianCost(each.firsts),
    nightly: medianCost(each.nights),
    restoreFirst: medianCost(each.restoresFirst),
    restoreLast: medianCost(each.restoresLast),
    storedBytes: await contender.storedBytes(),
  }
}
