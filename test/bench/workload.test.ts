/** The bench's workloads are those of the shared bench, row by row, so that figures compare. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applyNight, makeBase, type WorkloadName } from '../../bench/workload/workload.ts'
import { canonicalDigest } from '../support/canonicalDump.ts'
import { sharedDir } from '../support/sharedDir.ts'

const root = resolve(import.meta.dirname, '../..')
const reason = sharedDir === undefined ? '(skipped: the folder of the shared bench is not there)' : ''
const workloads: readonly WorkloadName[] = ['W1', 'W4']

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-workload-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function shared(...args: readonly string[]): void {
  const script = join(sharedDir ?? '', 'bench/workload.mjs')
  execFileSync(process.execPath, [script, ...args], { env: { ...process.env, PERF_NPM: root } })
}

describe.skipIf(sharedDir === undefined)(`workloads ${reason}`, () => {
  it.each(workloads)('%s has the same rows, also after its nights', (name) => {
    const own = join(folder, `${name}-own.db`)
    const theirs = join(folder, `${name}-shared.db`)
    makeBase(own, name)
    shared('base', '--workload', name, '--db', theirs)
    for (let night = 1; night <= 3; night++) {
      applyNight(own, name, night)
      shared('change', '--workload', name, '--db', theirs, '--night', String(night))
    }
    expect(canonicalDigest(own)).toBe(canonicalDigest(theirs))
  })
})
