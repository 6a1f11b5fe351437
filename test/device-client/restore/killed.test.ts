/** A restore that is killed shows the old database or the new one, whole. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fileRestoreTarget } from '../../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../../device-client/node/gzip.ts'
import { openZstdFrame } from '../../../device-client/node/zstdFrame.ts'
import { restoreDatabase } from '../../../device-client/restore/restoreDatabase.ts'
import type { SegmentCompression } from '../../../schemas/restore/segmentMap.ts'
import { canonicalDigest } from '../../support/canonicalDump.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'
import { DATABASE, openRestoreBench, type RestoreBench } from '../../support/restoreBench.ts'

const CHILD = resolve(import.meta.dirname, '../../support/restoreChild.ts')
const WANTED = 'phone/app'
let bench: RestoreBench
beforeAll(async () => {
  bench = await openRestoreBench()
})
afterAll(() => bench.close())

const compressions = ['gzip', 'zstd'] as const

it.each(compressions)(
  '[RS-5] a kill at any moment leaves the old file or the new one: %s',
  async (compression) => {
    const original = join(bench.folder, `${compression}.db`)
    const sql = `CREATE TABLE t(x); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 30000)
    INSERT INTO t SELECT hex(randomblob(300)) FROM c`
    buildZooDatabase({ name: 'original', pragmas: ['journal_mode=WAL'], sql }, original)
    await bench.backUp(original, 'phone')
    const path = join(bench.folder, compression, 'app.db')
    await keepEverything(path, compression)
    const restored = canonicalDigest(original)
    buildZooDatabase(
      { name: 'old', pragmas: ['journal_mode=WAL'], sql: 'CREATE TABLE old(x); INSERT INTO old VALUES (1)' },
      path,
    )
    const before = canonicalDigest(path)

    const seen = new Set<string>()
    for (let delayMs = 0; delayMs <= 600 && !seen.has('new'); delayMs += 40) {
      await runAndKill(path, delayMs)
      const now = canonicalDigest(path)
      expect([before, restored]).toContain(now)
      seen.add(now === before ? 'old' : 'new')
    }
    await runAndKill(path, 20_000)
    expect(canonicalDigest(path)).toBe(restored)
    expect(seen.has('old')).toBe(true)
    expect(readdirSync(join(bench.folder, compression)).sort()).toEqual(['app.db', 'app.db.nightferry-restore'])
  },
  60_000,
)

/** Fetches every segment and puts nothing in place. */
async function keepEverything(path: string, compression: SegmentCompression): Promise<void> {
  const caller = bench.caller('tablet')
  const target = fileRestoreTarget(path)
  const outcome = restoreDatabase({
    calls: {
      createRestore: (compressions) =>
        bench.service.createRestore(caller, { database: DATABASE, fromDeviceId: 'phone', compressions }),
      readSegment: async (id, segment) => (await bench.service.readSegment(caller, id, segment)).bytes,
      completeRestore: (id) => bench.service.completeRestore(caller, id),
    },
    target: {
      ...target,
      replace: () => Promise.reject(new Error('not now')),
      openGrowing: async () => {
        if (target.openGrowing === undefined) throw new Error('files grow')
        return { ...(await target.openGrowing()), settle: () => Promise.reject(new Error('not now')) }
      },
    },
    wanted: WANTED,
    adopt: () => () => {},
    gzip: nodeGzip,
    ...(compression === 'zstd' && { openFrame: openZstdFrame }),
    clock: { now: Date.now, sleep: () => Promise.resolve() },
  })
  await expect(outcome).rejects.toThrow('not now')
}

async function runAndKill(path: string, delayMs: number): Promise<void> {
  const child = spawn(process.execPath, [CHILD, path, WANTED], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  const timer = setTimeout(() => child.kill('SIGKILL'), delayMs)
  await ended
  clearTimeout(timer)
}
