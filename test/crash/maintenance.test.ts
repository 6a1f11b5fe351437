/**
 * The server killed at random times while it looks after what it keeps: older states dropped and merged, the server
 * backed up, its keys changed and its copies encrypted anew. Nothing is lost, and the work goes on.
 * NIGHTFERRY_MAINTENANCE_KILLS says how many kills; 2 by default.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import type { KeyStatus } from '../../schemas/http/keys.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { operate } from '../support/syncEvolution.ts'
import { KEPT, type NightlyWorld, openNightlyWorld } from './keptNights.ts'

const KILLS = Number(process.env.NIGHTFERRY_MAINTENANCE_KILLS ?? 2)
const MS_PER_KILL = 30_000

/** How a piece of work ended, and after how many milliseconds. */
interface Ended {
  readonly isDone: boolean
  /** The kill may come while the answer is on its way: then it is done all the same. */
  readonly wasKilled: boolean
  readonly tookMs: number
}

/** Begins the work, kills what does it at a random moment of the time it took last, and says how it ended. */
async function killWithin(typicalMs: number, work: Promise<boolean>, kill: () => void): Promise<Ended> {
  const begun = performance.now()
  let isOver = false
  const ended = work.finally(() => {
    isOver = true
  })
  await Promise.race([ended, pause(Math.random() * typicalMs * 1.1)])
  const wasKilled = !isOver
  if (wasKilled) kill()
  const isDone = await ended
  return { isDone, wasKilled, tookMs: performance.now() - begun }
}

async function opened(names: readonly string[]): Promise<NightlyWorld> {
  const world = await openNightlyWorld(names)
  onTestFinished(() => world.close())
  return world
}

/** Drops points over REST; false if the server died before it answered. */
async function prune(world: NightlyWorld, token: string): Promise<boolean> {
  try {
    const answer = await fetch(`${world.server.url}/api/v1/prune`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ dryRun: false }),
    })
    const report = (await answer.json()) as { failed?: number }
    if (!answer.ok || report.failed !== 0) throw new Error(`prune answered ${JSON.stringify(report)}`)
    return true
  } catch (cause) {
    if (cause instanceof TypeError) return false
    throw cause
  }
}

/** Older points that are restored after each kill, beside the newest. */
const OTHERS = 4

/** Every point that is to stay is there; those that are left are as their nights were. */
async function expectKept(world: NightlyWorld, others?: number): Promise<void> {
  for (const device of world.devices) {
    const found = await device.compare(others)
    expect(found.slice(0, device.keptTimes().length)).toEqual(device.keptTimes())
  }
}

it(
  `[TM-8] [TM-10] killed ${KILLS} times while points are dropped and merged: what is kept stays, the rest goes next time`,
  async () => {
    const world = await opened(['one', 'two'])
    const { token } = operate(await world.server.ready(), 'operator-token') as { token: string }
    let typicalMs = 200
    let killed = 0
    for (let round = 0; killed < KILLS; round++) {
      expect(round, 'the kills come while it works').toBeLessThan(KILLS * 5)
      for (const device of world.devices) for (let night = 0; night < 3; night++) await device.night()
      const restarts = world.server.restarts()
      const work = prune(world, token)
      const { isDone, wasKilled, tookMs } = await killWithin(typicalMs, work, () => world.server.kill())
      if (isDone) typicalMs = tookMs
      else killed += 1
      if (wasKilled) await expect.poll(() => world.server.restarts(), { timeout: 10_000 }).toBe(restarts + 1)
      await world.server.ready()
      await expectKept(world)
      expect(await prune(world, token)).toBe(true)
      for (const device of world.devices) expect(await device.compare()).toEqual(device.keptTimes())
    }
    // What was dropped left no file behind, but for logs of open copies.
    await world.server.pause(() => undefined)
    const copies = readdirSync(join(world.server.dataFolder, 'copies')).filter((name) => name.endsWith('.db'))
    // Each holds a point that is kept, but for the one in use.
    expect(copies.length).toBeLessThanOrEqual(world.devices.length * (KEPT + 1))
  },
  KILLS * MS_PER_KILL,
)

function backupServer(data: string, to: string): { readonly child: ChildProcess; readonly done: Promise<boolean> } {
  const child = spawn(process.execPath, [SERVER_PROGRAM, 'backup-server', '--data', data, '--to', to], {
    stdio: 'ignore',
  })
  return { child, done: once(child, 'close').then(([code]) => code === 0) }
}

it(
  `[SB-4] killed ${KILLS} times while it backs itself up: no half backup under its name, and each whole one restores`,
  async () => {
    const world = await opened(['one'])
    const kept = join(world.folder, 'kept')
    const back = join(world.folder, 'back')
    let typicalMs = 1500
    let killed = 0
    for (let round = 0; killed < KILLS; round++) {
      expect(round, 'the kills come while it works').toBeLessThan(KILLS * 5)
      await world.devices[0]?.night()
      const { child, done } = backupServer(world.server.dataFolder, kept)
      const { isDone, tookMs } = await killWithin(typicalMs, done, () => child.kill('SIGKILL'))
      if (isDone) typicalMs = tookMs
      else killed += 1
      if (!existsSync(kept)) expect(await backupServer(world.server.dataFolder, kept).done).toBe(true)
      const restored = spawn(
        process.execPath,
        [
          SERVER_PROGRAM,
          'restore-server',
          '--from',
          kept,
          '--data',
          back,
          '--master-key-file',
          join(world.server.dataFolder, 'master.key'),
        ],
        { stdio: 'ignore' },
      )
      expect(await once(restored, 'close')).toEqual([0, null])
      for (const folder of [kept, back]) rmSync(folder, { recursive: true })
      await expectKept(world, OTHERS)
    }
    await expectKept(world)
    expect(readdirSync(world.folder).filter((name) => name.includes('unfinished'))).toEqual([])
  },
  KILLS * MS_PER_KILL,
)

/** A call about keys over REST; undefined if the server died before it answered. */
async function callKeys(world: NightlyWorld, token: string, rotate: boolean): Promise<KeyStatus | undefined> {
  try {
    const url = `${world.server.url}/api/v1/keys${rotate ? '/rotate' : ''}`
    const answer = await fetch(url, {
      method: rotate ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${token}` },
    })
    if (!answer.ok) throw new Error(`keys answered ${answer.status}`)
    return (await answer.json()) as KeyStatus
  } catch (cause) {
    if (cause instanceof TypeError) return undefined
    throw cause
  }
}

/** Changes the master key and waits until no copy is left; false if the server died meanwhile. */
async function changeKeys(world: NightlyWorld, token: string): Promise<boolean> {
  let status = await callKeys(world, token, true)
  while (status !== undefined && status.reencryption.leftCopies > 0) {
    await pause(50)
    status = await callKeys(world, token, false)
  }
  return status !== undefined
}

it(
  `[KY-7] [KY-17] [KY-18] killed ${KILLS} times while keys are changed and copies encrypted anew: nothing is lost, and it goes on`,
  async () => {
    const world = await opened(['one', 'two'])
    const { token } = operate(await world.server.ready(), 'operator-token') as { token: string }
    for (let night = 0; night < 5; night++) for (const device of world.devices) await device.night()
    let typicalMs = 1500
    let killed = 0
    for (let round = 0; killed < KILLS; round++) {
      expect(round, 'the kills come while it works').toBeLessThan(KILLS * 5)
      for (const device of world.devices) await device.night()
      const restarts = world.server.restarts()
      const work = changeKeys(world, token)
      const { isDone, wasKilled, tookMs } = await killWithin(typicalMs, work, () => world.server.kill())
      if (isDone) typicalMs = tookMs
      else killed += 1
      if (wasKilled) await expect.poll(() => world.server.restarts(), { timeout: 10_000 }).toBe(restarts + 1)
      await world.server.ready()
      const status = async () => (await callKeys(world, token, false))?.reencryption
      await expect.poll(status, { timeout: 20_000 }).toMatchObject({ leftCopies: 0, failed: 0, running: false })
      await expectKept(world, OTHERS)
    }
    await expectKept(world)
    const copies = (await callKeys(world, token, false))?.reencryption.copies
    await world.server.pause(() => undefined)
    const files = readdirSync(join(world.server.dataFolder, 'copies')).filter((name) => name.endsWith('.db'))
    expect(files.length).toBe(copies)
  },
  KILLS * MS_PER_KILL,
)
