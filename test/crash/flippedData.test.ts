/**
 * Everything that a server stores, damaged at random places: each restore is as its night was, or refused with its code;
 * what is refused names another state that can be had; other devices go on. Rules BK-23, RS-20, TM-12.
 * NIGHTFERRY_PLACES says at how many places; 4 by default.
 */

import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { RandomSource } from '../server/items/randomSource.ts'
import { type NightlyDevice, type NightlyWorld, openNightlyWorld, type Point } from './keptNights.ts'

const PLACES = Number(process.env.NIGHTFERRY_PLACES ?? 4)
const SEED = Number(process.env.NIGHTFERRY_SEED ?? 1)
const MS_PER_PLACE = 40_000
/** What a server says of damage, on its start or of a call. */
const DAMAGE = /^(storage\.corrupt|storage\.unavailable|key\.wrong|config\.invalid|restore\.damaged|internal)$/

type Found = 'refused to start' | 'refused a restore' | 'in nothing that is read'

it(
  `[BK-23] [RS-20] [TM-12] ${PLACES} flipped bits and cut ends in all that is stored: never a wrong restore`,
  async () => {
    const world = await openNightlyWorld(['one', 'two'])
    onTestFinished(() => world.close())
    // The sixth night brings a whole file: older states lie in two files of each device.
    for (const device of world.devices) for (let night = 0; night < 6; night++) await device.night()
    const points = await Promise.all(world.devices.map((device) => device.points()))
    const { dataFolder } = world.server
    const sound = join(world.folder, 'sound')
    await world.server.pause(() => cpSync(dataFolder, sound, { recursive: true }))
    const random = new RandomSource(SEED)
    const found: Record<string, Partial<Record<Found, number>>> = {}
    for (let place = 0; place < PLACES; place++) {
      let where = ''
      const damage = (): void => {
        rmSync(dataFolder, { recursive: true })
        cpSync(sound, dataFolder, { recursive: true })
        where = hurt(dataFolder, random)
      }
      const outcome = await world.server.pause(damage).then(
        () => restoreAll(world, points, where),
        (cause: unknown) => refusedStart(cause, where),
      )
      const kind = where.replace(/[0-9a-f]{8}-[0-9a-f-]+/g, '…').replace(/:.*/, '')
      found[kind] ??= {}
      found[kind][outcome] = (found[kind][outcome] ?? 0) + 1
    }
    console.info(`what damage did, by file: ${JSON.stringify(found, null, 1)}`)
    expect(Object.values(found).some((kinds) => kinds['refused a restore'] !== undefined)).toBe(true)
  },
  PLACES * MS_PER_PLACE,
)

/** Damages one file at one place. @returns which, below `folder`, and how. */
function hurt(folder: string, random: RandomSource): string {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0)
    .toSorted((a, b) => statSync(b).size - statSync(a).size)
  // Copies are what there is most of.
  const copies = files.filter((path) => path.includes('/copies/'))
  const path = random.pick(random.below(3) > 0 ? copies : files)
  const { size } = statSync(path)
  const at = random.below(size)
  if (random.below(10) === 0) truncateSync(path, at)
  else {
    const octets = readFileSync(path)
    octets[at] = (octets[at] ?? 0) ^ (1 << random.below(8))
    writeFileSync(path, octets)
  }
  return `${relative(folder, path)}: ${statSync(path).size < size ? 'cut' : 'flipped'} at ${at} of ${size}`
}

async function restoreAll(world: NightlyWorld, points: readonly (readonly Point[])[], where: string): Promise<Found> {
  const refusedOf: number[] = []
  for (const [at, device] of world.devices.entries()) {
    const refused = await restoreEach(device, points[at] ?? [], where)
    refusedOf.push(refused)
  }
  const harmed = refusedOf.filter((count) => count > 0).length
  // A copy is one device's: the other one does not notice.
  if (where.includes('copies/')) expect(harmed, where).toBeLessThan(2)
  return harmed > 0 ? 'refused a restore' : 'in nothing that is read'
}

/** How many of the points are refused. */
async function restoreEach(device: NightlyDevice, points: readonly Point[], where: string): Promise<number> {
  let refused = 0
  for (const point of points) {
    const outcome = await device.look(point)
    if (outcome === 'equal') continue
    refused += 1
    // A copy that does not say what it remembers hides its points.
    if (outcome.code !== 'restore.unknown') expect(outcome.code, where).toMatch(DAMAGE)
    if (point.point !== 'latest' || outcome.code !== 'restore.damaged') continue
    // Two files each: the other one is sound.
    const [, offered = ''] = /ask for point ([0-9a-f]{32})/.exec(outcome.message) ?? []
    const named = points.find((other) => other.point === offered)
    expect(named, `${where}: ${outcome.message}`).toBeDefined()
    if (named) expect(await device.look(named), where).toBe('equal')
  }
  return refused
}

function refusedStart(cause: unknown, where: string): Found {
  // What it says on stdout is the cause of the failed start.
  const said = `${String(cause)} ${String((cause as Error).cause)}`
  const [, code = ''] = /"code":"([a-z.-]+)"/.exec(said) ?? []
  expect(code, `${where}: ${said}`).toMatch(DAMAGE)
  return 'refused to start'
}
