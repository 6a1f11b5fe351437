/** Sets of files against a real server: real folders that live for nights, and every night brought back. */

import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FileSetBench, openFileSetBench } from '../support/fileSetBench.ts'
import { folderState } from '../support/folderState.ts'
import { seededRandom } from '../support/seededRandom.ts'
import { startServer, type TestAccount, type TestServer } from '../support/startServer.ts'

const MB = 1024 * 1024

let server: TestServer
let account: TestAccount
let bench: FileSetBench
let devices = 0

beforeAll(async () => {
  server = await startServer()
  account = await server.createAccount()
})
afterAll(() => server?.stop())
beforeEach(async () => {
  bench = await openFileSetBench(server, account, `device-${++devices}`)
  mkdirSync(bench.path)
})
afterEach(() => bench.close())

const at = (...names: string[]): string => join(bench.path, ...names)
const backUp = () => bench.client.backup('data')

async function restored(point?: string, file?: string): Promise<string[]> {
  const to = join(bench.folder, 'back')
  rmSync(to, { recursive: true, force: true })
  await bench.client.restore({ database: 'data', to, ...(point && { at: point }), ...(file && { file }) })
  return folderState(to)
}

/** One night of a folder's life: a handful of random edits. */
function live(random: ReturnType<typeof seededRandom>): void {
  const files = (): string[] =>
    readdirSync(bench.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('bad'))
      .map((entry) => join(entry.parentPath, entry.name))
  const folders = [bench.path, at('deep', 'er'), at('empty'), at('ümlaut folder')]
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  const fresh = (): string => {
    const file = join(random.pick(folders), `file ${random.below(1e6)}`)
    mkdirSync(dirname(file), { recursive: true })
    return file
  }
  const edits: (() => void)[] = [
    () => writeFileSync(fresh(), random.bytes(random.below(400_000))),
    () => writeFileSync(fresh(), 'text '.repeat(random.below(60_000))),
    () => edit((file, octets) => writeFileSync(file, Buffer.concat([random.bytes(1000), octets]))),
    () =>
      edit((file, octets) => {
        octets.fill(7, octets.length >> 1, (octets.length >> 1) + 100)
        writeFileSync(file, octets)
      }),
    () => edit((file) => appendFileSync(file, random.bytes(5000))),
    () => edit((file) => renameSync(file, fresh())),
    () => edit((file) => rmSync(file)),
    () => edit((file) => chmodSync(file, random.pick([0o600, 0o644, 0o755, 0o444]))),
    () => edit((file) => utimesSync(file, 1e9, 1.5e9 + random.below(1e6))),
    () => symlinkSync(random.pick(['nowhere', '../up', at('empty')]), fresh()),
    () => writeFileSync(Buffer.concat([Buffer.from(`${bench.path}/bad `), Buffer.from([0xff, 0xfe])]), random.bytes(9)),
    () => rmSync(random.pick([at('deep'), at('empty')]), { recursive: true, force: true }),
  ]
  const edit = (work: (file: string, octets: Buffer) => void): void => {
    const found = files()
    if (found.length === 0) return
    const file = random.pick(found)
    chmodSync(file, 0o644)
    work(file, readFileSync(file))
  }
  for (let i = 0; i < 6; i++) random.pick(edits)()
}

describe('a folder that lives', () => {
  it.each([1, 2])(
    '[FS-1] [FS-3] [FS-4] [FS-8] [FS-9] every night comes back as it was, whatever was lost on the way (seed %i)',
    { timeout: 600_000 },
    async (seed) => {
      const random = seededRandom(seed)
      await bench.client.add({ path: bench.path })
      const states: string[][] = []
      for (let night = 0; night < 9; night++) {
        live(random)
        bench.mood = random.pick(['passes', 'passes', 'passes', 'loses-messages', 'loses-answers'] as const)
        await backUp().catch(() => undefined)
        bench.mood = 'passes'
        // What a lost answer left open, or a change of mind since.
        if (random.below(2) === 0) live(random)
        await backUp()
        states.push(folderState(bench.path))
        expect(await restored()).toEqual(states.at(-1))
      }
      expect(await backUp()).toMatchObject({ mode: 'none' })
      const points = await bench.client.points('data')
      const found = new Set<string>()
      for (const { point } of points) found.add(JSON.stringify(await restored(point)))
      for (const state of states) expect(found).toContain(JSON.stringify(state))
    },
  )

  it('[FS-12] goes on from a restore with changes alone, here and on a new device', { timeout: 120_000 }, async () => {
    writeFileSync(at('a'), randomBytes(300_000))
    mkdirSync(at('sub'))
    writeFileSync(at('sub', 'b'), 'b')
    await bench.client.add({ path: bench.path })
    await backUp()
    const state = folderState(bench.path)
    writeFileSync(at('sub', 'b'), 'spoiled')
    const report = await bench.client.restore({ database: 'data', to: bench.path })
    expect(report).toMatchObject({ entries: 4 })
    expect(folderState(bench.path)).toEqual(state)
    expect(readFileSync(join(report.keptAside ?? '', 'sub', 'b'), 'utf8')).toBe('spoiled')
    appendFileSync(at('a'), 'x')
    expect(await backUp()).toMatchObject({ mode: 'delta' })
    expect(await restored()).toEqual(folderState(bench.path))
    const other = await openFileSetBench(server, account, `device-${++devices}`)
    try {
      const { password } = account
      const from = { fromDevice: `device-${devices - 1}`, password }
      await other.client.restore({ database: 'data', to: other.path, ...from })
      expect(folderState(other.path)).toEqual(folderState(bench.path))
      writeFileSync(join(other.path, 'new'), 'new')
      expect(await other.client.backup('data')).toMatchObject({ mode: 'delta' })
    } finally {
      other.close()
    }
  })

  it('[FS-11] gives back one file or one folder', async () => {
    mkdirSync(at('sub'))
    writeFileSync(at('sub', 'b'), 'b')
    await bench.client.add({ path: bench.path })
    await backUp()
    const [folder, file] = await restored(undefined, 'sub')
    expect([folder?.split(' ')[1], file?.split(' ')[0]]).toEqual(['folder', './b'])
    expect((await restored(undefined, 'sub/b'))[0]).toContain('. file')
    await expect(restored(undefined, 'sub/none')).rejects.toMatchObject({ code: 'restore.unknown' })
  })
})

describe('what a night sends', () => {
  it('[FS-2] [FS-4] [FS-5] follows the change', { timeout: 300_000 }, async () => {
    const content = randomBytes(100 * MB)
    writeFileSync(at('large'), content)
    writeFileSync(at('copy'), content.subarray(0, 20 * MB))
    await bench.client.add({ path: bench.path })
    // What was changed just before it is read would be read again.
    await setTimeout(2100)
    const first = await backUp()
    expect(first.bytesSent).toBeLessThan(103 * MB)
    expect(await backUp()).toMatchObject({ mode: 'none', files: { read: 0 } })
    writeFileSync(at('large'), Buffer.concat([randomBytes(64 * 1024), content]))
    const second = await backUp()
    expect(second).toMatchObject({ mode: 'delta', files: { read: 1 } })
    // What was put in, and the blocks around it: random content cuts up to three of the largest anew.
    expect(second.bytesSent).toBeLessThan((64 + 3 * 128) * 1024)
    renameSync(at('large'), at('other name'))
    chmodSync(at('copy'), 0o600)
    const third = await backUp()
    expect(third).toMatchObject({ mode: 'delta' })
    expect(third.bytesSent).toBeLessThan(4000)
    // A file that is touched and the same is read, and only its time is sent.
    utimesSync(at('copy'), 1e9, 1e9)
    expect((await backUp()).bytesSent).toBeLessThan(4000)
    expect(await bench.client.backup('data', { checksum: true })).toMatchObject({ mode: 'none', files: { read: 2 } })
    expect(await restored()).toEqual(folderState(bench.path))
  })
})

describe('what cannot be backed up', () => {
  it('[FS-6] keeps its old state and is named; sockets and pipes are left out', async () => {
    writeFileSync(at('a'), 'old')
    mkdirSync(at('closed'))
    writeFileSync(at('closed', 'b'), 'b')
    execFileSync('mkfifo', [at('pipe')])
    await bench.client.add({ path: bench.path })
    expect(await backUp()).toMatchObject({ files: { unread: [], skipped: [{ path: 'pipe' }] } })
    // Nobody is kept from reading who may read everything.
    if (process.getuid?.() === 0) return
    const before = await restored()
    chmodSync(at('a'), 0)
    chmodSync(at('closed'), 0)
    const report = await backUp()
    chmodSync(at('closed'), 0o755)
    expect(report.files?.unread.map(({ path }) => path)).toEqual(['a', 'closed'])
    expect((await restored()).map((line) => line.split(' ')[0])).toEqual(before.map((line) => line.split(' ')[0]))
  })

  it('[FS-6] a file that never stops changing keeps its old state, and comes when it does', async () => {
    writeFileSync(at('log'), randomBytes(20 * MB))
    writeFileSync(at('other'), 'old')
    await bench.client.add({ path: bench.path })
    await backUp()
    const [, log] = await restored()
    const script = `const fs = require('node:fs'); for (;;) fs.appendFileSync(${JSON.stringify(at('log'))}, 'x')`
    const writer = spawn(process.execPath, ['-e', script])
    const { size } = statSync(at('log'))
    while (statSync(at('log')).size === size) await setTimeout(10)
    writeFileSync(at('other'), 'new')
    const report = await backUp()
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    expect(report).toMatchObject({ mode: 'delta', files: { unread: [{ path: 'log' }] } })
    expect((await restored())[1]).toBe(log)
    expect(readFileSync(join(bench.folder, 'back', 'other'), 'utf8')).toBe('new')
    expect(await backUp()).toMatchObject({ mode: 'delta', files: { unread: [] } })
    expect(await restored()).toEqual(folderState(bench.path))
  })

  it('[FS-7] an emptied folder is not believed unasked, and one that is gone is an error', async () => {
    for (let i = 0; i < 20; i++) writeFileSync(at(`${i}`), `${i}`)
    await bench.client.add({ path: bench.path })
    await backUp()
    const full = await restored()
    for (let i = 0; i < 20; i++) rmSync(at(`${i}`))
    await expect(backUp()).rejects.toMatchObject({ code: 'sync.emptied' })
    await expect(bench.client.backup('data', { full: true })).rejects.toMatchObject({ code: 'sync.emptied' })
    rmSync(bench.path, { recursive: true })
    await expect(backUp()).rejects.toMatchObject({ code: 'database.unknown' })
    expect(await restored()).toEqual(full)
    mkdirSync(bench.path)
    expect(await bench.client.backup('data', { allowEmpty: true })).toMatchObject({ mode: 'delta' })
    expect(await restored()).toEqual(folderState(bench.path))
  })

  it('[FS-14] is not compared row by row: who names it hears what to do', async () => {
    writeFileSync(at('page'), 'one')
    await bench.client.add({ path: bench.path, name: 'data', preferences: { method: 'copy' } })
    await backUp()
    const options = { full: true, repair: false }
    await expect(bench.client.verify('data', options)).rejects.toMatchObject({
      code: 'database.untrackable',
      next: expect.stringContaining('--checksum'),
    })
  })

  it('[FS-13] a database is no file set, a folder no database, and one file can be one', async () => {
    writeFileSync(at('db'), Buffer.concat([Buffer.from('SQLite format 3\0'), Buffer.alloc(4080)]))
    writeFileSync(at('plain'), 'plain')
    const copied = { method: 'copy' as const }
    await expect(bench.client.add({ path: at('db'), preferences: copied })).rejects.toMatchObject({
      code: 'config.invalid',
    })
    await expect(bench.client.add({ path: bench.path, preferences: { method: 'delta' } })).rejects.toMatchObject({
      code: 'config.invalid',
    })
    await bench.client.add({ path: at('plain'), name: 'data', preferences: copied })
    await expect(bench.client.configure('data', { method: 'full' })).rejects.toMatchObject({ code: 'config.invalid' })
    await backUp()
    const to = join(bench.folder, 'plain')
    await bench.client.restore({ database: 'data', to })
    expect(folderState(to)).toEqual(folderState(at('plain')))
    await bench.client.remove('data')
    expect(existsSync(at('plain'))).toBe(true)
  })
})
