/**
 * `npm run bench`: measures the real programs beside their peers, prints a table, writes the figures as JSON, and with
 * `--write-docs` makes docs/performance.md of them.
 *
 *   npm run bench -- [--workloads W1,W2,W3,W4] [--nights 30] [--runs 3] [--fleet 2000] [--out FILE] [--write-docs]
 *     [--contenders nightferry,resident,command,small,restic,borg,duplicity,rsync,sqldiff,gzip] [--docs-only]
 *     [--attack gzip-bombs,…] (none with an empty list)  [--past 60] (nights of W2 that are kept; 0 none)
 *     [--delivery 32] (megabytes to several devices that share the download; 0 none; needs root)
 *     [--d6 10000] (devices with and without time machine, quotas and slots; 0 none; about 0.4 MB of disk each)
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ATTACKS } from './attacks.ts'
import type { AttackFigures } from './attackTable.ts'
import { type DeliveryResult, runDelivery } from './delivery.ts'
import { type FleetResult, runFleet } from './fleet/runFleet.ts'
import { type PairResult, runPair } from './fleet/runPair.ts'
import { machineFacts } from './measure/machine.ts'
import { type BenchResult, formatReport } from './report.ts'
import { runAttacks } from './runAttacks.ts'
import { type PastResult, runPast } from './runPast.ts'
import { runWorkload, type WorkloadResult } from './runWorkload.ts'
import { WORKLOADS, type WorkloadName } from './workload/workload.ts'

const root = resolve(import.meta.dirname, '..')

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: 'W1,W2,W3,W4' },
    nights: { type: 'string', default: '30' },
    runs: { type: 'string', default: '3' },
    contenders: { type: 'string' },
    fleet: { type: 'string', default: '2000' },
    d6: { type: 'string', default: '10000' },
    past: { type: 'string', default: '60' },
    delivery: { type: 'string', default: '32' },
    attack: { type: 'string', default: ATTACKS.join(',') },
    out: { type: 'string', default: join(root, 'data', 'bench.json') },
    folder: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
    'docs-only': { type: 'boolean', default: false },
  },
})

function isWorkload(name: string): name is WorkloadName {
  return name in WORKLOADS
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`not a whole number: ${text}`)
  return value
}

/** Long enough for a p99. */
const ATTACK_WINDOW = { leastMs: 20_000, leastBackups: 500 } as const

const progress = (line: string): void => void process.stderr.write(`${line}\n`)

function save(result: BenchResult): BenchResult {
  mkdirSync(dirname(values.out), { recursive: true })
  writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`)
  return result
}

async function measure(): Promise<BenchResult> {
  const names = values.workloads.split(',').filter((name) => name !== '')
  const unknown = names.find((name) => !isWorkload(name))
  if (unknown !== undefined) throw new Error(`there is no workload ${unknown}`)
  const folder = mkdtempSync(join(values.folder ?? tmpdir(), 'nightferry-bench-'))
  const workloads: WorkloadResult[] = []
  let fleet: FleetResult | undefined
  let attacks: readonly AttackFigures[] | undefined
  let past: PastResult | undefined
  let pair: PairResult | undefined
  let delivery: DeliveryResult | undefined
  try {
    for (const name of names.filter(isWorkload)) {
      progress(`--- ${name}`)
      const options = { nights: whole(values.nights), runs: Math.max(1, whole(values.runs)), folder, report: progress }
      const chosen = values.contenders?.split(',')
      workloads.push(await runWorkload(name, { ...options, ...(chosen && { contenders: chosen }) }))
      // A run takes long: what was measured is kept, whatever comes next.
      save({ measuredAt: new Date().toISOString(), machine: machineFacts(), workloads })
    }
    const devices = whole(values.fleet)
    if (devices > 0) fleet = await runFleet(devices, folder, progress)
    const paired = whole(values.d6)
    if (paired > 0) pair = await runPair(paired, folder, progress)
    const nights = whole(values.past)
    if (nights > 0) past = await runPast('W2', nights, folder, progress)
    const megabytes = whole(values.delivery)
    if (megabytes > 0) delivery = await runDelivery(megabytes, progress)
    const chosen = values.attack.split(',').filter((name) => name !== '')
    if (chosen.length > 0) attacks = await runAttacks({ attacks: chosen, ...ATTACK_WINDOW, report: progress })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const more = {
    ...(fleet && { fleet }),
    ...(attacks && { attacks }),
    ...(past && { past }),
    ...(pair && { pair }),
    ...(delivery && { delivery }),
  }
  return save({ measuredAt: new Date().toISOString(), machine: machineFacts(), workloads, ...more })
}

const result = values['docs-only'] ? (JSON.parse(readFileSync(values.out, 'utf8')) as BenchResult) : await measure()
const report = formatReport(result)
process.stdout.write(report)
if (values['write-docs'] || values['docs-only']) {
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(root, 'docs', 'performance.md'), report)
}
