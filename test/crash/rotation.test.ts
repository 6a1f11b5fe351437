/**
 * Kills a real process that changes the master key, at each of its steps and at random moments; NIGHTFERRY_ROTATIONS sets
 * how many random kills there are. Rule KY-7.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openKeyRing } from '../../server/keys/openKeyRing.ts'
import { KEY_STEPS } from '../../server/steps.ts'
import { addPassing, type Opener, type StockedFolder, stockFolder } from '../server/keys/stockedFolder.ts'
import { SERVER_PROGRAM } from '../support/programs.ts'
import { KILLER } from './crashAgent.ts'
import { orderKill } from './crashServer.ts'

const rotations = Number(process.env.NIGHTFERRY_ROTATIONS ?? 8)
/** How many kinds of objects are wrapped anew, one step each. */
const REWRAPS = 8

let folder: string
let stock: StockedFolder
let openers: Readonly<Record<string, Opener>>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nightferry-rotation-'))
  stock = await stockFolder(join(folder, 'data'), async (dataDir) => openKeyRing({ dataDir }).keyRing)
  openers = { ...stock.openers, ...(await addPassing(stock.folder, openKeyRing({ dataDir: stock.folder }).keyRing)) }
  cpSync(stock.folder, join(folder, 'first'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Begins anew with the data of before any rotation. */
function begin(): void {
  rmSync(stock.folder, { recursive: true, force: true })
  cpSync(join(folder, 'first'), stock.folder, { recursive: true })
}

/** Runs `keys rotate` to its end, which may be its kill. */
async function rotate(killAfterMs?: number): Promise<NodeJS.Signals | null> {
  const environment = { NODE_OPTIONS: `--import=${KILLER}`, NIGHTFERRY_KILL_FILE: join(folder, 'kill') }
  const child = spawn(
    process.execPath,
    [SERVER_PROGRAM, 'keys', 'rotate', '--data', stock.folder, '--json', '--quiet'],
    {
      env: { ...process.env, ...environment, NIGHTFERRY_LOG_LEVEL: 'error' },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  return signal
}

/** Everything opens with the master key of now, before and after a start went on with what was left. */
async function expectWhole(): Promise<void> {
  for (const isStarted of [false, true]) {
    if (isStarted) {
      const server = await stock.server()
      await server.listen()
      const { currentKeyId, olderKeyIds, uses } = await server.keyCare.status()
      const needed = new Set(uses.map(({ keyId }) => keyId))
      expect([...needed].sort()).toEqual([currentKeyId, ...olderKeyIds].sort())
      await server.close()
    }
    const { keyRing } = openKeyRing({ dataDir: stock.folder })
    for (const [kind, open] of Object.entries(openers)) expect(`${kind}: ${await open(keyRing)}`).toBe(`${kind}: same`)
  }
}

describe('[KY-7] a rotation that is killed', () => {
  const kills = KEY_STEPS.flatMap((step) =>
    (step === 'key-rewrapped' ? [1, REWRAPS] : [1]).map((count) => ({ step, count })),
  )
  it.each(kills)(
    'at $step, time $count, goes on at the next start',
    async ({ step, count }) => {
      begin()
      if (step === 'key-forgotten')
        for (const name of ['spool', 'traces'])
          for (const held of readdirSync(join(stock.folder, name)))
            rmSync(join(stock.folder, name, held), { recursive: true, force: true })
      const all = openers
      if (step === 'key-forgotten') openers = stock.openers
      const order = orderKill(join(folder, 'kill'), step, count, 'self')
      expect(await rotate()).toBe('SIGKILL')
      expect(order.happened()).toBe(true)
      await expectWhole()
      openers = all
    },
    60_000,
  )

  it(
    `at ${rotations} random moments, with rotations between, loses nothing`,
    async () => {
      begin()
      let [killed, whole] = [0, 0]
      const begunAt = Date.now()
      await rotate()
      const typicalMs = Date.now() - begunAt
      for (let round = 0; round < rotations; round++) {
        const startedAt = Date.now()
        // Half of them at a step, for most of the time goes by before the work begins.
        const step = KEY_STEPS[round % (KEY_STEPS.length - 1)] ?? 'key-switched'
        const order =
          round % 2 === 0 && orderKill(join(folder, 'kill'), step, 1 + Math.floor(Math.random() * 3), 'self')
        const signal = await rotate(order ? undefined : typicalMs * (0.3 + 0.7 * Math.random()))
        if (order) order.cancel()
        if (signal === 'SIGKILL') killed++
        else whole++
        await expectWhole()
        expect(Date.now() - startedAt).toBeLessThan(60_000)
      }
      expect(killed + whole).toBe(rotations)
      expect(killed).toBeGreaterThan(rotations / 4)
    },
    600_000 + rotations * 10_000,
  )
})
