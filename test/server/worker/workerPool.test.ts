/** The pool of child processes, with real processes and real work: limits, deaths, waiting, ending. */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DeltaWriter } from '../../../schemas/delta/deltaWriter.ts'
import { type CopyPosition, readPosition } from '../../../server/backup/copyLayout.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { createWorkerPool, type PoolOptions, type WorkerPool } from '../../../server/worker/workerPool.ts'
import { buildZooDatabase } from '../../support/databaseZoo.ts'

const BEGIN = { lineage: 'a'.repeat(32), number: 1, token: 'b'.repeat(32) }
const MIB = 1024 * 1024

let folder: string
let pool: WorkerPool
let copyKey: string
let files = 0
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-pool-'))
  copyKey = randomBytes(32).toString('hex')
})
afterEach(async () => {
  await pool.close(0)
  rmSync(folder, { recursive: true, force: true })
})

function open(options: PoolOptions): void {
  pool = createWorkerPool({ size: 1, ...options })
}

/** Imports a file with `rows` rows as a new copy. */
async function importCopy(rows: number, onStep?: (step: string, done: number) => void): Promise<string> {
  const name = join(folder, `file${++files}`)
  const sql = `CREATE TABLE t(id INTEGER PRIMARY KEY, a);
    WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${rows}) INSERT INTO t SELECT n, hex(n) FROM c`
  buildZooDatabase({ name: 'file', sql }, name)
  const copyPath = `${name}.copy`
  const content = { kind: 'inline' as const, bytes: gzipSync(readFileSync(name)) }
  await pool.run('importFile', { copyPath, copyKey, position: BEGIN, content }, onStep ? { onStep } : {})
  return copyPath
}

/** A Delta that continues the copy, with whatever `rows` writes into table t. */
function deltaOf(rows: (writer: DeltaWriter) => string[]) {
  const writer = new DeltaWriter()
  const database = { pageSize: 4096, encoding: 'UTF-8', autoVacuum: 0, userVersion: 0, applicationId: 0 } as const
  const { lineage, ...position } = BEGIN
  const positions = [position, { number: 2, token: 'c'.repeat(32) }]
  const head = writer.head({ lineage, positions, database: { ...database, journalMode: 'delete' } })
  const columns = ['id', 'a']
  const table = writer.table({ name: 't', key: 'rowid', rowidColumn: 'id', columns, clear: false })
  const text = [head, table, ...rows(writer), writer.end()].join('')
  return { kind: 'inline' as const, bytes: gzipSync(text, { level: 1 }) }
}

/** A Delta of 12 million keys that compress to nothing: work for longer than any test waits. */
function endless() {
  const keys = 20_000
  const block = `<touched>\n${'1001\n'.repeat(keys)}</touched>\n`
  const delta = gunzipSync(deltaOf(() => []).bytes).toString('utf8')
  const [start = '', end = ''] = delta.split('<end>')
  const text = `${start}${block.repeat(600)}<end>${end.replace('"deletes":0', `"deletes":${600 * keys}`)}`
  return { kind: 'inline' as const, bytes: gzipSync(text, { level: 1 }) }
}

/** Where a copy stands, as it says itself. */
function positionOf(copyPath: string): CopyPosition {
  const copy = openDatabase(copyPath, { cipher: { kind: 'aegis', key: Buffer.from(copyKey, 'hex') } })
  try {
    const { lineage, number, token } = readPosition(copy)
    return { lineage, number, token }
  } finally {
    copy.close()
  }
}

/** A short job: the copy has the position's life already, which it says. */
const shortJob = (copyPath: string) => pool.run('adoptPosition', { copyPath, copyKey, position: BEGIN })

/** Child processes of this one, by the system's own account. */
function children(): number[] {
  return readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

describe('[BK-8] the worker pool', () => {
  it('kills a job that takes too long; the copy is as before and the pool goes on', async () => {
    open({ timeoutMs: 2500 })
    const copyPath = await importCopy(10)
    const startedAt = Date.now()
    const job = pool.run('applyDelta', { copyPath, copyKey, content: endless() })
    await expect(job).rejects.toMatchObject({ code: 'worker.limit' })
    expect(Date.now() - startedAt).toBeLessThan(20_000)
    expect(positionOf(copyPath)).toEqual(BEGIN)
  }, 60_000)

  it.skipIf(process.platform !== 'linux')(
    '[BK-19] the next jobs of a device whose job was killed run at low priority, those of others as before',
    async () => {
      open({ timeoutMs: 2500, longMs: 60_000 })
      const copyPath = await importCopy(10)
      const before = new Set(children())
      const run = (deviceId: string, content: ReturnType<typeof endless>) => {
        const job = pool.run('applyDelta', { copyPath, copyKey, content }, { owner: { accountId: deviceId, deviceId } })
        return expect(job).rejects.toMatchObject({ code: 'worker.limit' })
      }
      await run('harmful', endless())
      const again = run('harmful', endless())
      const other = run('other', endless())
      const worker = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker.ts')
      const mine = () => children().filter((pid) => !before.has(pid) && worker(pid))
      await expect
        .poll(
          () =>
            mine()
              .map((pid) => getPriority(pid))
              .sort(),
          { timeout: 2000 },
        )
        .toEqual([0, 19])
      await Promise.all([again, other])
    },
    30_000,
  )

  it.skipIf(process.platform !== 'linux')(
    'has a process ready when told to, and another when a long job used it up',
    async () => {
      open({ longMs: 1 })
      const before = new Set(children())
      const mine = () => children().filter((pid) => !before.has(pid))
      pool.keepWarm()
      pool.keepWarm()
      const [first] = mine()
      expect(mine()).toEqual([first])
      const work = importCopy(100_000)
      expect(mine()).toEqual([first])
      await work
      await expect.poll(() => mine().length === 1 && !mine().includes(first ?? 0), { timeout: 5000 }).toBe(true)
    },
    60_000,
  )

  it('does not count the time in which it could not look', async () => {
    open({ timeoutMs: 2000, longMs: 60_000 })
    const copyPath = await importCopy(10)
    let ended = false
    const job = pool.run('applyDelta', { copyPath, copyKey, content: endless() }).catch((cause: unknown) => {
      ended = true
      return cause
    })
    // As if the machine stood still.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500)
    await pause(600)
    expect(ended).toBe(false)
    expect(await job).toMatchObject({ code: 'worker.limit' })
  }, 60_000)

  it.skipIf(process.platform !== 'linux')(
    'does not count the start of a process as work of its first job',
    async () => {
      open({ longMs: 400 })
      const before = new Set(children())
      const job = importCopy(10)
      const [pid = 0] = children().filter((child) => !before.has(child))
      // A machine that is too busy to start it.
      process.kill(pid, 'SIGSTOP')
      await pause(1200)
      const priority = getPriority(pid)
      process.kill(pid, 'SIGCONT')
      await job
      expect(priority).toBe(0)
      expect(children()).toContain(pid)
    },
    60_000,
  )

  it('rehearses in a process that is kept ready, and leaves nothing of it', async () => {
    const rehearsalFolder = join(folder, 'rehearsal')
    open({ rehearsalFolder })
    pool.keepWarm()
    const stages = () => (existsSync(rehearsalFolder) ? readdirSync(rehearsalFolder).length : undefined)
    await expect.poll(stages, { timeout: 10_000, interval: 5 }).toBe(1)
    await expect.poll(stages, { timeout: 10_000 }).toBe(0)
    expect(positionOf(await importCopy(10))).toEqual(BEGIN)
  }, 60_000)

  it('kills a job that takes too much memory; the copy is as before and the pool goes on', async () => {
    open({ maxRssBytes: 220 * MIB })
    const copyPath = await importCopy(10)
    const bomb = deltaOf((writer) => [writer.touched([1n]), writer.put([1n, 'a'.repeat(120 * MIB)])])
    expect(bomb.bytes.length).toBeLessThan(2 * MIB)
    const job = pool.run('applyDelta', { copyPath, copyKey, content: bomb })
    await expect(job).rejects.toMatchObject({ code: 'worker.limit' })
    expect(positionOf(copyPath)).toEqual(BEGIN)
  }, 60_000)

  it('replaces a process that was killed from outside; its job ends with storage.unavailable', async () => {
    open({ longMs: 60_000 })
    const before = new Set(children())
    const copyPath = await importCopy(10)
    const [pid, ...others] = children().filter((child) => !before.has(child))
    expect(others).toEqual([])
    const job = pool.run('applyDelta', { copyPath, copyKey, content: endless() })
    setTimeout(() => process.kill(pid ?? 0, 'SIGKILL'), 300)
    await expect(job).rejects.toMatchObject({ code: 'storage.unavailable' })
    expect(positionOf(copyPath)).toEqual(BEGIN)
    expect(children().filter((child) => !before.has(child))).not.toContain(pid)
  }, 60_000)

  it('lets jobs wait while all processes are busy, and each gets its own answer', async () => {
    open({ longMs: 60_000 })
    const before = new Set(children())
    const paths = [await importCopy(10), await importCopy(10)]
    const jobs = Array.from({ length: 8 }, (_, i) => shortJob(paths[i % 2] ?? ''))
    const missing = shortJob(join(folder, 'none')).catch((cause: { code?: string }) => cause.code)
    expect(children().filter((child) => !before.has(child))).toHaveLength(1)
    expect(await Promise.all(jobs)).toEqual(jobs.map(() => true))
    expect(await missing).toMatch(/^(storage|database|key)\./)
    expect(children().filter((child) => !before.has(child))).toHaveLength(1)
  }, 60_000)

  it('tells how far a job is', async () => {
    open({})
    const steps: [string, number][] = []
    await importCopy(50_000, (step, done) => void steps.push([step, done]))
    expect(steps.length).toBeGreaterThan(1)
    for (const name of new Set(steps.map(([step]) => step))) {
      const counts = steps.filter(([step]) => step === name).map(([, done]) => done)
      expect(counts).toEqual([...counts].sort((a, b) => a - b))
    }
  }, 60_000)

  it('waits for running jobs when it closes, and takes none afterwards', async () => {
    open({})
    const before = new Set(children())
    const copyPath = await importCopy(10)
    const change = deltaOf((writer) => [writer.touched([1n]), writer.put([1n, 'changed'])])
    const job = pool.run('applyDelta', { copyPath, copyKey, content: change })
    const waiting = shortJob(copyPath)
    const [applied, waited] = await Promise.allSettled([job, waiting, pool.close()])
    expect(applied).toMatchObject({ status: 'fulfilled', value: { outcome: 'applied', number: 2 } })
    expect(waited).toMatchObject({ status: 'rejected', reason: { code: 'storage.unavailable' } })
    await expect(shortJob(copyPath)).rejects.toMatchObject({ code: 'storage.unavailable' })
    await pause(50)
    expect(children().filter((child) => !before.has(child))).toEqual([])
  }, 60_000)

  it('does not keep a program alive that has nothing else to do', async () => {
    open({})
    const copyPath = await importCopy(10)
    const source = `
      import { createWorkerPool } from ${JSON.stringify(new URL('../../../server/worker/workerPool.ts', import.meta.url).href)}
      const work = setInterval(() => {}, 1000)
      const adopted = await createWorkerPool().run('adoptPosition', ${JSON.stringify({ copyPath, copyKey, position: BEGIN })})
      clearInterval(work)
      console.log(adopted)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let printed = ''
    child.stdout.on('data', (chunk) => {
      printed += String(chunk)
    })
    const killed = setTimeout(() => child.kill('SIGKILL'), 15_000)
    const [code] = await once(child, 'close')
    clearTimeout(killed)
    expect([code, printed]).toEqual([0, 'true\n'])
  }, 60_000)
})
