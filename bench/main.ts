/**
 * `npm run bench`: measures the real programs beside their peers, prints a table, writes the figures as JSON, and with
 * `--write-docs` makes docs/performance.md of them.
 *
 *   npm run bench -- [--workloads W1,W2,W3,W4] [--nights 30] [--runs 3] [--fleet 2000] [--out FILE] [--write-docs]
 */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type FleetResult, runFleet } from './fleet/runFleet.ts'
import { machineFacts } from './measure/machine.ts'
import { type BenchResult, formatReport } from './report.ts'
import { runWorkload, type WorkloadResult } from './runWorkload.ts'
import { WORKLOADS, type WorkloadName } from './workload/workload.ts'

const root = resolve(import.meta.dirname, '..')

const { values } = parseArgs({
  options: {
    workloads: { type: 'string', default: 'W1,W2,W3,W4' },
    nights: { type: 'string', default: '30' },
    runs: { type: 'string', default: '3' },
    fleet: { type: 'string', default: '2000' },
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
  try {
    for (const name of names.filter(isWorkload)) {
      progress(`--- ${name}`)
      const options = { nights: whole(values.nights), runs: Math.max(1, whole(values.runs)), folder, report: progress }
      workloads.push(await runWorkload(name, options))
      // A run takes long: what was measured is kept, whatever comes next.
      save({ measuredAt: new Date().toISOString(), machine: machineFacts(), workloads })
    }
    const devices = whole(values.fleet)
    if (devices > 0) fleet = await runFleet(devices, folder, progress)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return save({ measuredAt: new Date().toISOString(), machine: machineFacts(), workloads, ...(fleet && { fleet }) })
}

const result = values['docs-only'] ? (JSON.parse(readFileSync(values.out, 'utf8')) as BenchResult) : await measure()
const report = formatReport(result)
process.stdout.write(report)
if (values['write-docs'] || values['docs-only']) {
  mkdirSync(join(root, 'docs'), { recursive: true })
  writeFileSync(join(root, 'docs', 'performance.md'), report)
}
