/**
 * Real agents share one download from a real server on loopback: each fetches its part, they give each other the rest, and
 * each ends with the whole file; also alone, killed, paused, or with a server that is away for a while.
 */

import { existsSync, readdirSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSharedDelivery, type SharedDelivery, type SharingDevice, sha256Of } from '../../support/sharedDelivery.ts'

const JOIN = ['--place', 'home', '--listen', '127.0.0.1', '--link', 'a,mbit=8']
/** Octets per second, so that there is a midst in which something can happen. */
const SLOW = { maxBytesPerSecond: 700_000 }

let shared: SharedDelivery
beforeAll(async () => {
  shared = await openSharedDelivery(['phone', 'tablet', 'radio'], 4)
})
afterAll(() => shared.close())

const join = ({ agent, path }: SharingDevice, deliveryId: string, ...more: string[]) =>
  agent.start('deliver', 'join', deliveryId, '--to', path, ...JOIN, ...more)

async function until(what: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await what()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('it did not come to that')
}

const heldBy = async (deliveryId: string, { deviceId }: SharingDevice): Promise<number> =>
  (await shared.status(deliveryId)).devices.find((device) => device.deviceId === deviceId)?.heldSegments ?? 0

describe('agents that share a Delivery', () => {
  it('[DV-1, DV-2, DV-3, DV-6] fetch a part each, exchange the rest, and end with the same whole file', async () => {
    const [phone, tablet, radio] = shared.devices as [SharingDevice, SharingDevice, SharingDevice]
    const all = [phone, tablet, radio]
    const { deliveryId, characteristics } = await shared.order(all, { each: SLOW })
    expect(characteristics.segments).toBeGreaterThan(50)
    const answers = await Promise.all(all.map((device) => join(device, deliveryId).ended))
    expect(answers.map(({ exitCode, stderr }) => exitCode === 0 || stderr)).toEqual([true, true, true])
    const reports = answers.map(({ report }) => report)
    expect(new Set(all.map(({ path }) => sha256Of(path)))).toEqual(new Set([reports[0]?.sha256]))
    const fromServer = reports.reduce((sum, { serverBytes }) => sum + Number(serverBytes), 0)
    expect(fromServer / characteristics.sizeBytes).toBeGreaterThanOrEqual(1)
    expect(fromServer / characteristics.sizeBytes).toBeLessThan(1.03)
    for (const { serverBytes, peerBytes } of reports) {
      expect(Number(serverBytes)).toBeGreaterThan(0.2 * characteristics.sizeBytes)
      expect(Number(serverBytes) + Number(peerBytes)).toBeGreaterThanOrEqual(characteristics.sizeBytes)
    }
    expect(await shared.status(deliveryId)).toMatchObject({ phase: 'complete', parts: [{ isFinal: true }] })
    expect(answers[0]?.stderr).toMatch(/delivery: phone \d+ %, tablet \d+ %, radio \d+ %/)
    // Nothing is left beside the file.
    expect(readdirSync(shared.folder).filter((name) => name.includes('nightferry-restore'))).toEqual([])
    // Once it took its name, joining again touches nothing.
    expect((await join(phone, deliveryId).ended).report).toMatchObject({ complete: true, phase: 'complete' })
  })

  it('[DV-1, DV-4] one that is killed goes on with what it had; its peer does not wait for it', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const to = (device: SharingDevice): SharingDevice => ({ ...device, path: `${device.path}.killed` })
    const { deliveryId, characteristics } = await shared.order([phone, tablet], { each: SLOW })
    const first = join(to(phone), deliveryId)
    const second = join(to(tablet), deliveryId)
    await until(async () => (await heldBy(deliveryId, phone)) > characteristics.segments / 3)
    first.process.kill('SIGKILL')
    await first.ended.catch(() => undefined)
    expect(existsSync(to(phone).path)).toBe(false)
    const again = await join(to(phone), deliveryId).ended
    const other = await second.ended
    expect([again.exitCode, other.exitCode]).toEqual([0, 0])
    expect(sha256Of(to(phone).path)).toBe(sha256Of(to(tablet).path))
    const fromServer = Number(again.report.serverBytes) + Number(other.report.serverBytes)
    // What was on its way when it died came twice.
    expect(fromServer / characteristics.sizeBytes).toBeLessThan(1.12)
  })

  it('[DV-4, DL-20] alone after waiting, everything comes from the server', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const { deliveryId, characteristics } = await shared.order([phone, tablet], { waitS: 1 })
    const path = `${phone.path}.alone`
    const { exitCode, report } = await join({ ...phone, path }, deliveryId).ended
    expect([exitCode, report.peerBytes, report.serverBytes]).toEqual([0, 0, characteristics.sizeBytes])
    expect(sha256Of(path)).toBe(report.sha256)
  })

  it('[DL-14, DV-6] paused by its owner nothing more comes, and then it goes on', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const { deliveryId } = await shared.order([phone, tablet], { each: SLOW })
    const paths = [phone, tablet].map(({ path }) => `${path}.paused`)
    const running = [phone, tablet].map((device, index) => join({ ...device, path: paths[index] ?? '' }, deliveryId))
    await until(async () => (await heldBy(deliveryId, phone)) > 5)
    expect(await shared.steer(deliveryId, 'pause')).toMatchObject({ phase: 'paused', reason: 'user' })
    await new Promise((resolve) => setTimeout(resolve, 2500))
    const held = await heldBy(deliveryId, phone)
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(await heldBy(deliveryId, phone)).toBe(held)
    await shared.steer(deliveryId, 'resume')
    const answers = await Promise.all(running.map(({ ended }) => ended))
    expect(answers.map(({ exitCode }) => exitCode)).toEqual([0, 0])
    expect(new Set(paths.map(sha256Of)).size).toBe(1)
  })

  it('[DV-6, DL-19] a server that is killed and comes back in the midst costs nobody anything', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const { deliveryId, characteristics } = await shared.order([phone, tablet], { each: SLOW })
    const paths = [phone, tablet].map(({ path }) => `${path}.restarted`)
    const running = [phone, tablet].map((device, index) => join({ ...device, path: paths[index] ?? '' }, deliveryId))
    await until(async () => (await heldBy(deliveryId, phone)) > 5)
    await shared.restartServer()
    const answers = await Promise.all(running.map(({ ended }) => ended))
    expect(answers.map(({ exitCode, stderr }) => exitCode === 0 || stderr)).toEqual([true, true])
    expect(new Set(paths.map(sha256Of)).size).toBe(1)
    const fromServer = answers.reduce((sum, { report }) => sum + Number(report.serverBytes), 0)
    expect(fromServer / characteristics.sizeBytes).toBeLessThan(1.12)
  })

  it('[DL-16, DV-7] a lost device is taken over for by those who agree', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const { deliveryId } = await shared.order([phone, tablet], { each: SLOW, onLoss: 'ask' })
    const paths = [phone, tablet].map(({ path }) => `${path}.lost`)
    const [first, second] = [
      join({ ...phone, path: paths[0] ?? '' }, deliveryId, '--take-over', 'yes'),
      join({ ...tablet, path: paths[1] ?? '' }, deliveryId),
    ]
    await until(async () => (await heldBy(deliveryId, tablet)) > 5)
    // It says that it leaves, and keeps what it has.
    expect((await second.stop()).exitCode).toBe(3)
    const { exitCode, stderr } = await first.ended
    expect([exitCode, existsSync(paths[1] ?? '')]).toEqual([0, false])
    expect(stderr).toContain('takes over')
  })

  it('[DL-22, DV-1] one that is cancelled leaves nothing, and one that is not there is said so', async () => {
    const [phone, tablet] = shared.devices as [SharingDevice, SharingDevice]
    const { deliveryId } = await shared.order([phone, tablet], { each: SLOW })
    const path = `${phone.path}.cancelled`
    const running = join({ ...phone, path }, deliveryId)
    const other = join({ ...tablet, path: `${tablet.path}.cancelled` }, deliveryId)
    await until(async () => (await heldBy(deliveryId, phone)) > 5)
    await shared.steer(deliveryId, 'cancel')
    expect((await running.ended).errorCode).toBe('delivery.ended')
    expect((await other.ended).errorCode).toBe('delivery.ended')
    expect(readdirSync(shared.folder).filter((name) => name.includes('cancelled'))).toEqual([])
    const unknown = await join({ ...phone, path }, 'nothing').ended
    expect([unknown.exitCode, unknown.errorCode]).toEqual([10, 'delivery.unknown'])
    const listed = (await phone.agent.do('deliver', 'status')) as { deliveries: { deliveryId: string }[] }
    expect(listed.deliveries.map((each) => each.deliveryId)).toContain(deliveryId)
  })
})
