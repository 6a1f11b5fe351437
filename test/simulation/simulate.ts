/** One seed: several devices and one server live through nights and faults; then all is quiet and all copies equal. */

import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { lifeArbitrary, setupSql } from '../support/lifeOperations.ts'
import { makeMemoryFolder } from '../support/memoryFolder.ts'
import { SimDevice } from './simDevice.ts'
import { openSimServer, type SimServer } from './simServer.ts'
import type { Tally } from './tally.ts'
import { createChance, World } from './world.ts'

const DEVICES = 3
const ROUNDS = 9
const ROUND_MS = 20_000
const QUIET_TRIES = 6

/** Lives through `seed`. @throws Error that names what must never happen (design, section 11). */
export async function simulate(seed: number): Promise<Tally> {
  const folder = makeMemoryFolder('nightferry-sim-')
  const chance = createChance(seed)
  const world = new World(chance)
  const server = await openSimServer(world, folder)
  const plans = fc.sample(lifeArbitrary, { seed, numRuns: DEVICES })
  const devices = plans.map((plan, i) => {
    const deviceId = `device-${i}`
    const device = new SimDevice({ world, server, folder, deviceId, method: plan.method, nights: plan.nights })
    device.install(`PRAGMA encoding='${plan.encoding}'; ${setupSql(plan.tables)}`)
    return device
  })
  try {
    server.faults = true
    for (const device of devices) world.spawn(() => days(world, server, devices, device))
    await world.run()
    server.faults = false
    server.disabled.clear()
    await server.restart()
    for (const device of devices) world.spawn(() => quiet(world, device))
    await world.run()
    const [mistake] = server.errors
    if (mistake !== undefined) throw new Error('the server made a mistake of its own', { cause: mistake })
    return world.tally
  } catch (cause) {
    throw new Error(`seed ${seed}: repeat it with NIGHTFERRY_SEED=${seed} NIGHTFERRY_SEEDS=1`, { cause })
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What happens to one device, round by round. */
async function days(world: World, server: SimServer, devices: readonly SimDevice[], device: SimDevice): Promise<void> {
  const { chance } = world
  for (let round = 0; round < ROUNDS; round++) {
    await world.sleep(chance.below(ROUND_MS))
    if (chance.oneIn(3)) device.kill()
    if (chance.oneIn(6)) device.parted = !device.parted
    if (chance.oneIn(6)) await server.restart()
    if (chance.oneIn(15)) {
      if (!server.disabled.delete(device.deviceId)) {
        server.disabled.add(device.deviceId)
        world.tally['device disabled'] += 1
      }
    }
    if (!device.busy) befall(world, devices, device)
  }
  device.parted = false
  // What still waits is given up, then everything else comes to rest.
  device.kill()
}

function befall(world: World, devices: readonly SimDevice[], device: SimDevice): void {
  const { chance } = world
  if (chance.oneIn(8)) device.keepFile()
  if (chance.oneIn(12)) device.comeBack()
  if (chance.oneIn(8)) {
    const from = chance.oneIn(2) ? device : chance.pick(devices)
    world.spawn(async () => void (await device.restore(from.deviceId)))
    return
  }
  device.live()
  const full = chance.oneIn(12)
  world.spawn(async () => void (await device.backUp(full)))
  // The application goes on while its changes are on their way.
  world.spawn(async () => {
    await world.sleep(chance.below(2000))
    device.live()
  })
}

async function quiet(world: World, device: SimDevice): Promise<void> {
  device.parted = false
  device.live()
  for (let attempt = 0; attempt < QUIET_TRIES; attempt++) {
    if (!(await device.backUp())) {
      await world.sleep(60_000)
      continue
    }
    if (device.dump() !== (await device.restored()))
      throw new Error(`${device.deviceId}: all is quiet, and its copy differs`)
    return
  }
  throw new Error(`${device.deviceId}: all is quiet, and no backup succeeds`)
}
