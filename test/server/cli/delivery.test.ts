/** `nightferry delivery`: on a data folder and over REST alike. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Listening, listen } from '../../../server/http/listen.ts'
import { type Edge, openEdge } from '../http/edge.ts'
import { openersOf, runOperator } from './operatorRun.ts'

let edge: Edge
let listening: Listening
beforeEach(async () => {
  edge = await openEdge()
  listening = await listen(edge.app, { host: '127.0.0.1', port: 0, requestTimeoutMs: 5000 })
})
afterEach(async () => {
  await listening.close(0)
  await edge.close()
})

const run = (argv: string[], environment: Record<string, string>) =>
  runOperator(argv, environment, openersOf(edge, listening))

describe.each(['--data', '--server'])('the operator with %s', (way) => {
  const where = async (): Promise<[string[], Record<string, string>]> => {
    if (way === '--data') return [['--data', edge.local.dataDir], {}]
    return [['--server', `${listening.url}/`], { NIGHTFERRY_TOKEN: await edge.local.service.issueOperatorToken() }]
  }

  it('[DL-23] orders a Delivery, shows it, and steers it', async () => {
    const { accountId } = await edge.local.service.register('anna', 'long enough')
    await edge.local.service.registerDevice(accountId, 'phone', 'IMEI:1')
    await edge.local.service.registerDevice(accountId, 'tablet', 'IMEI:2')
    await edge.local.service.registerDevice(accountId, 'till', 'IMEI:3')
    const [options, environment] = await where()
    const create = ['delivery', 'create', 'till', 'app', '--to', 'phone', '--to', 'tablet']
    expect((await run([...create.slice(0, 4), ...options], environment)).exitCode).toBe(2)
    expect((await run([...create, '--strategy', 'best', ...options], environment)).exitCode).toBe(2)
    expect((await run([...create, '--limit', 'other=5', ...options], environment)).stderr).toContain('--to does not')
    expect((await run([...create, '--to', 'nobody', ...options], environment)).exitCode).toBe(10)
    const more = ['--strategy', 'lowest-cost', '--limit', 'phone=5', '--ask-on-loss', '--wait', '9']
    const created = (await run([...create, ...more, '--json', ...options], environment)).json()
    expect(created).toMatchObject({
      phase: 'waiting',
      preferences: {
        strategy: 'lowestCost',
        devices: [{ deviceId: 'IMEI:1', dataLimitBytes: 5_000_000 }, { deviceId: 'IMEI:2' }],
        onLoss: 'ask',
      },
    })
    const id = String(created.deliveryId)
    const shown = await run(['delivery', 'status', id, ...options], environment)
    expect(shown.stdout).toMatch(/ {2}app, .* in 1 segments: waiting\nDEVICE +STATE +HAS.*\nIMEI:1 +absent +0 %/)
    const listed = (await run(['delivery', 'status', '--json', ...options], environment)).json()
    expect(listed.deliveries).toEqual([created])
    for (const [action, phase] of [
      ['pause', 'waiting'],
      ['resume', 'waiting'],
      ['cancel', 'cancelled'],
    ] as const)
      expect((await run(['delivery', action, id, '--json', ...options], environment)).json()).toMatchObject({ phase })
    expect((await run(['delivery', 'cancel', 'x', ...options], environment)).exitCode).toBe(10)
  })
})
