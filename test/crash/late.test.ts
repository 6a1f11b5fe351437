/** What simulation and kills brought up, by name. */

import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { canonicalDump } from '../support/canonicalDump.ts'
import { buildZooDatabase } from '../support/databaseZoo.ts'
import { DATABASE, openRestoreBench } from '../support/restoreBench.ts'
import { orderKill } from './crashServer.ts'
import { openCrashWorld } from './world.ts'

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
