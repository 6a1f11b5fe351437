/** Kills a real process that encrypts copies anew, at each of its steps. Rules KY-17, KY-19. */

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import { REENCRYPT_STEPS } from '../../server/steps.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { KILLER } from './crashAgent.ts'
import { orderKill } from './crashServer.ts'
import { type NightlyWorld, openNightlyWorld } from './keptNights.ts'

/** Whole files are sent at the fifth night: so many copies are put aside then. */
const NIGHTS = 6
const COPIES = 2

/** Runs `nightferry keys NAME` on the folder of a server that does not run. */
function keys(world: NightlyWorld, name: string) {
  const environment = { NODE_OPTIONS: `--import=${KILLER}`, NIGHTFERRY_KILL_FILE: world.server.killFile }
  const args = [SERVER_PROGRAM, 'keys', name, '--data', world.server.dataFolder, '--json', '--quiet']
  return spawnSync(process.execPath, args, { env: { ...process.env, ...environment }, encoding: 'utf8' })
}

function stateOf(world: NightlyWorld): KeyStatus['reencryption'] {
  return (JSON.parse(keys(world, 'status').stdout) as KeyStatus).reencryption
}

const copies = (world: NightlyWorld): number =>
  readdirSync(join(world.server.dataFolder, 'copies')).filter((name) => name.endsWith('.db')).length

it('[KY-17] [KY-19] killed at each step, it goes on; every restore point restores equal', async () => {
  const world = await openNightlyWorld(['one'])
  onTestFinished(() => world.close())
  const [device] = world.devices
  for (let night = 1; night < NIGHTS; night++) await device?.night()
  const points = (await device?.points())?.map(({ takenAt }) => takenAt)
  for (const [index, step] of REENCRYPT_STEPS.entries()) {
    // By turns at the first copy and at the second.
    const count = 1 + (index % COPIES)
    await world.server.pause(() => {
      expect(keys(world, 'rotate').status).toBe(0)
      const order = orderKill(world.server.killFile, step, count, 'self')
      expect(keys(world, 'reencrypt').signal, `${step} ${count}`).toBe('SIGKILL')
      expect(order.happened()).toBe(true)
      const { leftCopies } = stateOf(world)
      const isNamed = step === 'reencrypt-switched' || step === 'reencrypt-removed'
      expect(leftCopies, `${step} ${count}`).toBe(COPIES - count + (isNamed ? 0 : 1))
      const rest = JSON.parse(keys(world, 'reencrypt').stdout) as KeyStatus['reencryption']
      expect(rest).toMatchObject({ copies: COPIES, leftCopies: 0, failed: 0 })
    })
    expect(await device?.compare()).toEqual(points)
    // What the killed process left went at the start.
    expect(copies(world)).toBe(COPIES)
  }
}, 600_000)
