/** Kills while a whole file arrives and is taken in: the upload goes on, and the copy is whole. */

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { orderKill } from './crashServer.ts'
import { type CrashWorld, openCrashWorld, type WorldDevice } from './world.ts'

let world: CrashWorld
let device: WorldDevice

beforeAll(async () => {
  world = await openCrashWorld()
  device = await world.device('one')
  // Six messages of it, which do not compress.
  device.app(`WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 600)
    INSERT INTO t(x) SELECT randomblob(10000) FROM c`)
}, 30_000)
afterAll(() => world.close())

it.each([
  ['the process that takes it in', 'import-receive', 2, 'self'],
  ['the server meanwhile', 'import-receive', 2, 'parent'],
  ['the server when all is taken in', 'import-received', 1, 'parent'],
  ['the process that goes on with it', 'import-build', 1, 'self'],
  ['the server between two chunks', 'spool-written', 3, 'self'],
  ['the server before the answer to the last chunk', 'copy-switched', 1, 'self'],
] as const)(
  '[BK-24] [BK-21] [OM-18] kill %s: nothing is lost, nothing is left',
  async (_, step, count, victim) => {
    device.app('UPDATE t SET x = randomblob(10000) WHERE id % 7 = 0')
    const kill = orderKill(world.server.killFile, step, count, victim)
    const first = await device.backUp(true)
    expect(kill.cancel()).toBe(true)
    await world.server.ready()
    if (first !== 'full') expect(await device.backUp()).toMatch(/^(full|delta|none)$/)
    expect(await device.look()).toBe('equal')
    const files = readdirSync(join(world.server.dataFolder, 'copies'))
    expect(files.filter((name) => /\.(source|building)/.test(name))).toEqual([])
    expect(readdirSync(join(world.server.dataFolder, 'spool'))).toEqual([])
  },
  60_000,
)
