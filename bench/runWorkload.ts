/**
 * One workload, all contenders side by side: first backups, nights in turn, restores after the first and the last.
 * Each night all work one after the other, another one first each time, so that the machine's other load meets all.
 */

import { cpSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Contender } from './contenders/contender.ts'
import { type Entrant, entrantsOf } from './contenders/entrants.ts'
import type { Cost } from './measure/runProcess.ts'
import { medianCost } from './measure/statistics.ts'
import { applyNight, makeBase, type WorkloadName } from './workload/workload.ts'

export interface ContenderResult {
  readonly key: string
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
  /** Keys of those that take part; all if absent. */
  readonly contenders?: readonly string[]
  report(line: string): void
}

/** A database that grows by its nights. */
interface Living {
  readonly path: string
  readonly workload: WorkloadName
}

interface Running {
  readonly key: string
  readonly contender: Contender
  readonly firsts: Cost[]
  readonly nights: Cost[]
  readonly restoresFirst: Cost[]
  readonly restoresLast: Cost[]
}

/** Runs one workload. The bench's folder is left empty. */
export async function runWorkload(workload: WorkloadName, options: WorkloadOptions): Promise<WorkloadResult> {
  const { folder, nights, runs } = options
  const basePath = join(folder, 'base.db')
  makeBase(basePath, workload)
  const sizeBytes = statSync(basePath).size
  const databases: Living[] = []
  const running: Running[] = []
  const missing: string[] = []
  try {
    for (const entrant of entrantsOf(workload)) {
      if (options.contenders && !options.contenders.includes(entrant.key)) continue
      const path = databaseOf(entrant, workload, folder, databases)
      const contender = await entrant.open(path, join(folder, entrant.key))
      if (!contender) missing.push(entrant.key)
      else running.push({ key: entrant.key, contender, firsts: [], nights: [], restoresFirst: [], restoresLast: [] })
    }
    await firstBackups(running, options)
    for (let night = 1; night <= nights; night++) {
      for (const { path, workload: own } of databases) applyNight(path, own, night)
      const first = night % Math.max(1, running.length)
      for (const each of [...running.slice(first), ...running.slice(0, first)])
        each.nights.push(await reported(options, each.contender, `night ${night}`, each.contender.nightly()))
      if (night === 1) for (const each of running) each.restoresFirst.push(...(await restores(each, options)))
    }
    for (const each of running) each.restoresLast.push(...(await restores(each, options)))
    const contenders = await Promise.all(running.map(summarize))
    return { workload, sizeBytes, nights, runs, contenders, missing }
  } finally {
    for (const { contender } of running) await contender.close()
    for (const path of [basePath, ...databases.map((database) => database.path)]) await removeDatabase(path)
  }
}

/** The database an entrant backs up, made if it is not there yet. */
function databaseOf(entrant: Entrant, workload: WorkloadName, folder: string, databases: Living[]): string {
  const path = join(folder, entrant.ownDatabase ? `${entrant.key}.db` : 'app.db')
  if (databases.some((database) => database.path === path)) return path
  const own = entrant.workload ?? workload
  if (own === workload) cpSync(join(folder, 'base.db'), path)
  else makeBase(path, own)
  databases.push({ path, workload: own })
  return path
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '.out', '-wal', '-shm', '-journal'])
    await rm(path + suffix, { recursive: true, force: true })
}

async function firstBackups(running: readonly Running[], options: WorkloadOptions): Promise<void> {
  for (let run = 0; run < options.runs; run++)
    for (const each of running) {
      await each.contender.reset()
      each.firsts.push(await reported(options, each.contender, 'first backup', each.contender.firstBackup()))
    }
}

async function restores(each: Running, options: WorkloadOptions): Promise<Cost[]> {
  const costs: Cost[] = []
  for (let run = 0; run < options.runs; run++) {
    const path = join(options.folder, `restored-${run}.db`)
    costs.push(await reported(options, each.contender, 'restore', each.contender.restore(path)))
    await removeDatabase(path)
  }
  return costs
}

async function reported(
  { report }: WorkloadOptions,
  contender: Contender,
  what: string,
  work: Promise<Cost>,
): Promise<Cost> {
  const cost = await work
  const { wallMs, cpuMs, bytesUp, bytesDown, deviceRssBytes, serverRssBytes } = cost
  const memory = `${Math.round(deviceRssBytes / 1e6)}/${Math.round(serverRssBytes / 1e6)} MB`
  const times = `${wallMs.toFixed(0)} ms, CPU ${cpuMs.toFixed(0)} ms`
  report(`${contender.name}: ${what}: ${times}, ${bytesUp} up, ${bytesDown} down, ${memory}`)
  return cost
}

async function summarize(each: Running): Promise<ContenderResult> {
  const { key, contender } = each
  return {
    key,
    name: contender.name,
    note: contender.note,
    firstBackup: medianCost(each.firsts),
    nightly: medianCost(each.nights),
    restoreFirst: medianCost(each.restoresFirst),
    restoreLast: medianCost(each.restoresLast),
    storedBytes: await contender.storedBytes(),
  }
}
