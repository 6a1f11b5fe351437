/** Full, read-only and failing disks, and damaged files: the device concerned is told so, the others go on. */

import { execFileSync, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { MIN_FREE_DISK_BYTES } from '../../schemas/limits.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { type CrashWorld, openCrashWorld } from './world.ts'

const canMount = mountTmpfs(mkdtempSync(join(tmpdir(), 'nightferry-mount-')), 1)
const shim = buildShim()

it.skipIf(!canMount)(
  '[BK-23] a full or read-only disk: refused with its code, and the next night is a Delta',
  async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'nightferry-full-'))
    if (!mountTmpfs(dataFolder, 24, false)) throw new Error('no mount')
    onTestFinished(() => {
      spawnSync('umount', ['-l', dataFolder])
      rmSync(dataFolder, { recursive: true, force: true })
    })
    const world = await opened({ dataFolder })
    const [small, large] = [await world.device('small'), await world.device('large')]
    small.app('INSERT INTO t(x) VALUES(1)')
    expect([await small.backUp(), await large.backUp()]).toEqual(['full', 'full'])
    large.app('INSERT INTO t(x) VALUES(randomblob(40000000))')
    expect(await large.backUp()).toBe('storage.full')
    small.app('INSERT INTO t(x) VALUES(2)')
    expect(await small.backUp()).toBe('delta')
    expect(await small.look()).toBe('equal')
    await world.server.pause(() => {
      execFileSync('mount', ['-o', 'remount,ro', dataFolder])
      expect(startFails(dataFolder)).toMatch(/storage\./)
      execFileSync('mount', ['-o', 'remount,rw', dataFolder])
    })
    small.app('INSERT INTO t(x) VALUES(3)')
    expect(await small.backUp()).toBe('delta')
    expect(await small.look()).toBe('equal')
    large.app('DELETE FROM t; INSERT INTO t(x) VALUES(4)')
    expect(await large.backUp()).toBe('delta')
    expect(await large.look()).toBe('equal')
  },
  90_000,
)

it.skipIf(!canMount)(
  '[OM-22] an append that would leave less than 1 GiB of the disk free is refused, and small nights go on',
  async () => {
    const dataFolder = mkdtempSync(join(tmpdir(), 'nightferry-reserve-'))
    if (!mountTmpfs(dataFolder, 1024 + 24, false)) throw new Error('no mount')
    onTestFinished(() => {
      spawnSync('umount', ['-l', dataFolder])
      rmSync(dataFolder, { recursive: true, force: true })
    })
    const freeBytes = (): number => {
      const { bavail, bsize } = statfsSync(dataFolder)
      return bavail * bsize
    }
    const world = await opened({ dataFolder })
    const [small, large] = [await world.device('small'), await world.device('large')]
    expect([await small.backUp(), await large.backUp()]).toEqual(['full', 'full'])
    large.app('INSERT INTO t(x) VALUES(randomblob(8000000))')
    expect(await large.backUp()).toBe('delta')
    large.app('INSERT INTO t(x) VALUES(randomblob(20000000))')
    expect(await large.backUp()).toBe('storage.full')
    expect(freeBytes()).toBeGreaterThan(MIN_FREE_DISK_BYTES)
    small.app('INSERT INTO t(x) VALUES(1)')
    expect(await small.backUp()).toBe('delta')
    expect(await small.look()).toBe('equal')
  },
  60_000,
)

it.skipIf(shim === undefined)(
  '[BK-23] [BK-4] a disk that fails to flush: nothing is acknowledged, nothing is lost',
  async () => {
    const world = await opened({
      environment: { LD_PRELOAD: shim ?? '', FAILING_DISK: join(tmpdir(), `failing-${process.pid}`) },
    })
    const failing = join(tmpdir(), `failing-${process.pid}`)
    onTestFinished(() => rmSync(failing, { force: true }))
    const device = await world.device('one')
    expect(await device.backUp()).toBe('full')
    for (const full of [false, true]) {
      device.app('INSERT INTO t(x) VALUES(randomblob(100))')
      writeFileSync(failing, '')
      expect(['network.unreachable', 'storage.unavailable', 'session.busy']).toContain(await device.backUp(full))
      rmSync(failing)
      device.app('INSERT INTO t(x) VALUES(randomblob(100))')
      // A whole file that never became the copy: the device compares, and sends what differs (DC-104).
      expect(await device.backUp()).toBe('delta')
      expect(await device.look()).toBe('equal')
    }
  },
  120_000,
)

it.each(['flipped', 'truncated', 'gone'] as const)(
  '[BK-23] [TM-12] a copy that is %s: told so, others go on, a whole backup heals it',
  async (damage) => {
    const world = await opened({})
    const one = await world.device('one')
    one.app(
      'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<2000) INSERT INTO t(x) SELECT hex(randomblob(40)) FROM c',
    )
    expect(await one.backUp()).toBe('full')
    const copies = join(world.server.dataFolder, 'copies')
    const [file] = readdirSync(copies).filter((name) => name.endsWith('.db'))
    const other = await world.device('other')
    expect(await other.backUp()).toBe('full')
    world.server.kill()
    await new Promise((resolve) => setTimeout(resolve, 50))
    hurt(join(copies, file ?? ''), damage)
    await world.server.ready()
    one.app('UPDATE t SET x=1')
    expect(await one.backUp()).toBe('storage.corrupt')
    other.app('INSERT INTO t(x) VALUES(1)')
    expect(await other.backUp()).toBe('delta')
    expect(await other.look()).toBe('equal')
    expect(await one.backUp(true)).toBe('full')
    expect(await one.look()).toBe('equal')
    one.app('INSERT INTO t(x) VALUES(1)')
    expect(await one.backUp()).toBe('delta')
  },
  60_000,
)

it('[BK-23] a damaged catalogue or master key: the server does not start on it, and changes nothing', async () => {
  const world = await opened({})
  const device = await world.device('one')
  expect(await device.backUp()).toBe('full')
  await world.server.stop()
  const { dataFolder } = world.server
  const holdsSomething = (file: string): boolean => {
    const stat = statSync(join(dataFolder, file))
    return stat.isFile() && stat.size > 0 && !/-(wal|shm)$/.test(file)
  }
  // Any other epoch is a new one: devices compare (SB-7).
  for (const name of readdirSync(dataFolder).filter((file) => holdsSomething(file) && file !== 'epoch')) {
    const path = join(dataFolder, name)
    const kept = readFileSync(path)
    hurt(path, 'flipped')
    const damaged = readFileSync(path)
    expect(startFails(dataFolder), name).toMatch(/key\.wrong|storage\.corrupt|config\.invalid|storage\.unavailable/)
    expect(readFileSync(path).equals(damaged), name).toBe(true)
    writeFileSync(path, kept)
  }
}, 120_000)

async function opened(options: Parameters<typeof openCrashWorld>[0]): Promise<CrashWorld> {
  const world = await openCrashWorld(options)
  onTestFinished(() => world.close())
  return world
}

function hurt(path: string, damage: 'flipped' | 'truncated' | 'gone'): void {
  const { size } = statSync(path)
  if (damage === 'gone') rmSync(path)
  else if (damage === 'truncated') truncateSync(path, Math.floor(size / 2))
  else {
    const bytes = readFileSync(path)
    const file = openSync(path, 'r+')
    for (let at = 20; at < size; at += 4096) writeSync(file, Buffer.from([(bytes[at] ?? 0) ^ 0x10]), 0, 1, at)
    closeSync(file)
  }
}

/** Starts a server that must not come up; the code it ends with. */
function startFails(dataFolder: string): string {
  const ended = spawnSync(process.execPath, [SERVER_PROGRAM, 'serve', '--json', '--port', '0', '--data', dataFolder], {
    timeout: 20_000,
  })
  const text = String(ended.stdout)
  return ended.status === 0 || ended.signal !== null ? `it started: ${text}` : text
}

/** Needs root; `probe` takes it away again. */
function mountTmpfs(folder: string, megabytes: number, probe = true): boolean {
  mkdirSync(folder, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder]).status === 0
  if (mounted && probe) spawnSync('umount', [folder])
  if (probe) rmSync(folder, { recursive: true, force: true })
  return mounted
}

/** Needs a C compiler. */
function buildShim(): string | undefined {
  const path = join(mkdtempSync(join(tmpdir(), 'nightferry-shim-')), 'failingDisk.so')
  const source = join(import.meta.dirname, 'failingDisk.c')
  return spawnSync('cc', ['-shared', '-fPIC', '-o', path, source]).status === 0 ? path : undefined
}
