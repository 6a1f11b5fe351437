/** What simulation and kills brought up, by name. */

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { createFileKeyStore } from '../../device-client/node/fileKeyStore.ts'
import { CodedError } from '../../schemas/errors.ts'
import { canonicalDump } from '../support/canonicalDump.ts'
import { buildZooDatabase } from '../support/databaseZoo.ts'
import { type PlainLogin, plainRestore } from '../support/plainSyncml.ts'
import { DATABASE, openRestoreBench } from '../support/restoreBench.ts'
import { orderKill } from './crashServer.ts'
import { type CrashWorld, openCrashWorld, type WorldDevice } from './world.ts'

it('[RS-15] a confirmation that arrives after a newer whole backup does not bring the older state back', async () => {
  const bench = await openRestoreBench()
  onTestFinished(() => bench.close())
  const [older, newer] = ['older', 'newer'].map((name) => {
    const path = join(bench.folder, `${name}.db`)
    buildZooDatabase({ name, pragmas: [], sql: `CREATE TABLE t(x); INSERT INTO t VALUES('${name}')` }, path)
    return path
  }) as [string, string]
  await bench.backUp(older, 'phone')
  const tickets = [
    {
      caller: bench.caller('phone'),
      ticket: await bench.service.createRestore(bench.caller('phone'), { database: DATABASE }),
    },
    {
      caller: bench.caller('tablet'),
      ticket: await bench.service.createRestore(bench.caller('tablet'), { database: DATABASE, fromDeviceId: 'phone' }),
    },
  ]
  for (const { caller, ticket } of tickets) {
    await bench.backUp(newer, caller.deviceId)
    const late = bench.service.completeRestore(caller, ticket.restoreId)
    await expect(late).rejects.toMatchObject({ code: 'restore.unknown' })
    const path = join(bench.folder, `${caller.deviceId}.db`)
    await bench.restoreTo(path, 'looker', caller.deviceId)
    expect(canonicalDump(path)).toBe(canonicalDump(newer))
  }
})

it('[RS-7] [BK-23] a catalogue that fails after it switched to a replacement: the copy it names stays', async () => {
  const bench = await openRestoreBench()
  onTestFinished(() => bench.close())
  const path = join(bench.folder, 'source.db')
  buildZooDatabase({ name: 'source', pragmas: [], sql: 'CREATE TABLE t(x); INSERT INTO t VALUES(1)' }, path)
  await bench.backUp(path, 'phone')
  const { switchCopy } = bench.databases
  bench.databases.switchCopy = async (row, from) => {
    bench.databases.switchCopy = switchCopy
    await switchCopy(row, from)
    throw new CodedError('storage.unavailable', 'a disk that fails after')
  }
  const tablet = bench.caller('tablet')
  const ticket = await bench.service.createRestore(tablet, { database: DATABASE, fromDeviceId: 'phone' })
  const first = bench.service.completeRestore(tablet, ticket.restoreId)
  await expect(first).rejects.toMatchObject({ code: 'storage.unavailable' })
  const { lineage } = await bench.service.completeRestore(tablet, ticket.restoreId)
  expect(lineage).toBe(ticket.lineage)
  const restored = join(bench.folder, 'restored.db')
  await bench.restoreTo(restored, 'looker', 'tablet')
  expect(canonicalDump(restored)).toBe(canonicalDump(path))
})

it('[RS-16] a restore that was killed before a newer backup is not gone on with', async () => {
  const world = await openCrashWorld()
  onTestFinished(() => world.close())
  const device = await world.device('one')
  expect(await device.backUp()).toBe('full')
  orderKill(world.server.killFile, 'joined', 1, 'self')
  expect(await device.look()).toBe('killed')
  device.app('INSERT INTO t(x) VALUES(1)')
  expect(await device.backUp()).toBe('delta')
  expect(await device.look()).toBe('equal')
}, 30_000)

it('[RS-14] [RS-9] a server that is killed in the middle of Alert 205 goes on from the same image', async () => {
  const world = await openCrashWorld()
  onTestFinished(() => world.close())
  const device = await world.device('one')
  device.app('INSERT INTO t(x) VALUES(randomblob(40000))')
  expect(await device.backUp()).toBe('full')
  const images = (): string[] => readdirSync(join(world.server.dataFolder, 'images'))
  let chunks = 0
  let read: string[] = []
  const { octets } = await plainRestore(await loginOf(device, world), 'app', async () => {
    if (++chunks !== 2) return
    read = images()
    world.server.kill()
    while (world.server.restarts() === 0) await pause(10)
    await world.server.ready()
    expect(images()).toEqual(read)
  })
  expect(read).toHaveLength(1)
  expect(chunks).toBeGreaterThan(3)
  const restored = join(world.folder, 'restored.db')
  writeFileSync(restored, octets)
  expect(canonicalDump(restored)).toBe(canonicalDump(device.path))
  expect(images()).toEqual([])
}, 30_000)

async function loginOf({ agent }: WorldDevice, { server, account }: CrashWorld): Promise<PlainLogin> {
  const records = createFileKeyStore(join(agent.home, 'records'))
  const read = async (key: string): Promise<unknown> =>
    JSON.parse(Buffer.from((await records.get(key)) ?? []).toString())
  const { deviceId } = (await read('identity')) as { deviceId: string }
  return { url: server.url, user: account.user, password: (await read('secret')) as string, device: deviceId }
}
