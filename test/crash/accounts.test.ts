/** An account service of its own is killed: registered devices go on without it, new ones come when it is back. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { openCrashServer, orderKill } from './crashServer.ts'
import { openCrashWorld } from './world.ts'

const STEPS = ['account', 'account-written', 'device', 'device-written', 'verify', 'verified'] as const

it('[BK-21] [AC-4] [AC-8] a kill at any step of the account service loses no account and no device', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightferry-accounts-'))
  const secret = { NIGHTFERRY_SERVICE_SECRET: 'service-secret-of-sufficient-length-0123456789' }
  const accounts = await openCrashServer(folder, { command: ['accounts', 'serve'], environment: secret })
  onTestFinished(async () => {
    await accounts.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const world = await openCrashWorld({ args: ['--accounts-url', accounts.url], environment: secret })
  onTestFinished(() => world.close())
  const known = await world.device('known')
  expect(await known.backUp()).toBe('full')
  for (const [night, step] of STEPS.entries()) {
    const order = orderKill(accounts.killFile, step, 1, 'self')
    if (step.startsWith('account')) await (await accounts.ready()).createAccount().catch(() => undefined)
    const fresh = await worldDeviceDespite(step)
    if (fresh) await fresh.backUp()
    expect(order.cancel(), step).toBe(true)
    // Nobody waits for the service to be back.
    known.app(`INSERT INTO t(x) VALUES(${night})`)
    expect(await known.backUp(), step).toBe('delta')
    await accounts.ready()
    const later = await world.device(`later-${step}`)
    expect(await later.backUp(), step).toBe('full')
    expect(await later.look(), step).toBe('equal')
  }
  expect(await known.look()).toBe('equal')

  async function worldDeviceDespite(step: string) {
    if (step.startsWith('account')) return undefined
    return world.device(`fresh-${step}`).catch(() => undefined)
  }
}, 120_000)
