/** Notifications as they are kept, given to requests that wait, and issued for overdue devices. */

import { describe, expect, it, type TestContext } from 'vitest'
import { openWakeUp } from '../../../schemas/syncml/wakeUp.ts'
import { ACCOUNT_DEVICE } from '../../../server/catalogue/catalogue.ts'
import { answerPoll } from '../../../server/push/answerPoll.ts'
import { createDispatcher } from '../../../server/push/dispatch.ts'
import { createLongPoll } from '../../../server/push/longPoll.ts'
import { createWaker } from '../../../server/push/wakeDevices.ts'
import { DEVICE, databaseOf, HA1, loginOf, openPushBench } from './pushParts.ts'

const app = [{ type: 207, contentType: 0, serverUri: './databases/app' }] as const

async function open(context: TestContext, options: { maxWaiting?: number; enabled?: () => boolean } = {}) {
  const bench = await openPushBench(context)
  const { notifications, knownLogins, clock, log } = bench
  const longPoll = createLongPoll(notifications, options.maxWaiting)
  const dispatch = createDispatcher({ notifications, longPoll, clock, log })
  const waker = createWaker({
    ...{ notifications, knownLogins, clock, log, dispatch },
    accountService: { isEnabled: async () => options.enabled?.() ?? true },
    random: (length) => new Uint8Array(length),
  })
  const poll = (after = 0, more: { waitMs?: number; gone?: Promise<unknown>; deviceId?: string } = {}) =>
    answerPoll(
      { notifications, longPoll, knownLogins, clock, serverId: 'srv' },
      {
        ...{ ...DEVICE, after, waitMs: more.waitMs ?? 60_000, deviceId: more.deviceId ?? DEVICE.deviceId },
        onGone: (listener) => void more.gone?.then(listener),
      },
    ).then((found) => found && openWakeUp(found.octets, HA1))
  return { ...bench, longPoll, dispatch, waker, poll }
}

describe('what is kept', () => {
  it('[PU-1] is the newest of a device, issued later than any before, whatever the clock says', async (context) => {
    const { notifications, time } = await open(context)
    const first = await notifications.issue({ ...DEVICE, sessionId: 1, syncs: [] }, time.now)
    const second = await notifications.issue({ ...DEVICE, sessionId: 2, syncs: app }, time.now)
    const third = await notifications.issue({ ...DEVICE, sessionId: 3, syncs: app }, time.now - 5000)
    expect([first, second, third].map(({ issuedAt }) => issuedAt - time.now)).toEqual([0, 1, 2])
    expect(await notifications.get(DEVICE)).toEqual({ ...third, syncs: app, attempts: 0 })
  })

  it('[PU-2] is given until the device names it, also after a restart', async (context) => {
    const { waker, poll, openAgain, notifications } = await open(context)
    const { issuedAt } = await waker.wake(DEVICE, app)
    expect(await poll()).toMatchObject({ serverId: 'srv', issuedAt, syncs: app, sessionId: 1 })
    expect(await poll()).toMatchObject({ issuedAt })
    expect(await (await openAgain()).get(DEVICE)).toEqual(await notifications.get(DEVICE))
    expect(await poll(issuedAt, { waitMs: 1 })).toBeUndefined()
    expect(await poll(0, { waitMs: 1 })).toBeUndefined()
  })

  it('[PU-2] what is issued while the device names an older one comes next', async (context) => {
    const { waker, poll } = await open(context)
    const older = await waker.wake(DEVICE, [])
    const newer = await waker.wake(DEVICE, app)
    expect(await poll(older.issuedAt)).toMatchObject({ issuedAt: newer.issuedAt })
  })

  it('[PU-1] a device that is ahead of a clock that was set back is woken all the same', async (context) => {
    const { waker, poll, time } = await open(context)
    expect(await poll(time.now + 5000, { waitMs: 1 })).toBeUndefined()
    const { issuedAt } = await waker.wake(DEVICE, [])
    expect(issuedAt).toBe(time.now + 5001)
    expect(await poll(time.now + 5000)).toMatchObject({ issuedAt })
    await expect(poll(2 ** 47)).rejects.toMatchObject({ code: 'protocol.malformed' })
  })
})

describe('requests that wait', () => {
  it('[PU-5] are answered when a notification is issued, here or by another process', async (context) => {
    const { waker, poll, dispatch, openAgain, time } = await open(context)
    const here = poll()
    await waker.wake(DEVICE, [])
    expect(await here).toMatchObject({ syncs: [] })
    // Two connections of one process cannot wait for each other: the first one writes before.
    await poll(time.now, { waitMs: 1 })
    const elsewhere = poll(time.now)
    await (await openAgain()).issue({ ...DEVICE, sessionId: 9, syncs: app }, time.now + 1)
    await dispatch()
    expect(await elsewhere).toMatchObject({ sessionId: 9 })
  })

  it('[PU-5] are one of a device, and so many in all; who goes away leaves its place', async (context) => {
    const { poll, longPoll } = await open(context, { maxWaiting: 2 })
    const older = poll()
    const gone = Promise.withResolvers<void>()
    const newer = poll(0, { gone: gone.promise })
    expect(await older).toBeUndefined()
    const other = poll(0, { deviceId: 'IMEI:2' })
    await expect(poll(0, { deviceId: 'IMEI:3' })).rejects.toMatchObject({ code: 'push.busy' })
    gone.resolve()
    expect(await newer).toBeUndefined()
    const third = poll(0, { deviceId: 'IMEI:3' })
    longPoll.close()
    expect([await other, await third, await poll()]).toEqual([undefined, undefined, undefined])
  })
})

describe('the operator wakes', () => {
  it('[PU-3] devices that logged in and are enabled', async (context) => {
    let enabled = true
    const { waker, notifications, knownLogins } = await open(context, { enabled: () => enabled })
    await expect(waker.wake({ ...DEVICE, deviceId: 'IMEI:2' }, [])).rejects.toMatchObject({ code: 'device.unknown' })
    await expect(waker.wake({ ...DEVICE, accountId: 'a2' }, [])).rejects.toMatchObject({ code: 'device.unknown' })
    enabled = false
    await expect(waker.wake(DEVICE, [])).rejects.toMatchObject({ code: 'auth.forbidden' })
    expect((await knownLogins.find(DEVICE.deviceId))[0]).toMatchObject({ enabled: false, lastAccessAt: 1 })
    expect(await notifications.get(DEVICE)).toBeUndefined()
  })
})

describe('overdue devices', () => {
  it('[PU-9] are woken once, those that wait longest first, and again after a backup', async (context) => {
    const { waker, databases, knownLogins, notifications, time } = await open(context)
    const old = time.now - 100_000
    for (const deviceId of ['IMEI:2', 'IMEI:3']) await knownLogins.put(loginOf(deviceId))
    await databases.put(databaseOf('IMEI:1', 'app', old))
    await databases.put(databaseOf('IMEI:1', 'notes', time.now))
    await databases.put(databaseOf('IMEI:2', 'app', old - 1))
    await databases.put(databaseOf('IMEI:3', 'app', time.now))
    await databases.put(databaseOf(ACCOUNT_DEVICE, 'items', 1))
    await databases.put(databaseOf('never logged in', 'app', 1))
    const before = time.now - 50_000
    expect((await notifications.listOverdue(before, 9)).map(({ deviceId }) => deviceId)).toEqual(['IMEI:2', 'IMEI:1'])
    expect(await waker.wakeOverdue(before)).toBe(2)
    expect(await waker.wakeOverdue(before)).toBe(0)
    expect(await notifications.get(DEVICE)).toMatchObject({ syncs: [] })
    await databases.put(databaseOf('IMEI:1', 'app', time.now + 1))
    time.now += 100_000
    expect(await waker.wakeOverdue(time.now - 50_000)).toBe(2)
  })

  it('[PU-9] that took the notification and had nothing to send are woken when as long has passed again', async (context) => {
    const { waker, databases, notifications, time } = await open(context)
    await databases.put(databaseOf('IMEI:1', 'app', 1))
    expect(await waker.wakeOverdue(time.now)).toBe(1)
    time.now += 100_000
    expect(await waker.wakeOverdue(time.now - 50_000)).toBe(0)
    await notifications.take(DEVICE, time.now - 100_000, time.now)
    expect(await waker.wakeOverdue(time.now - 50_000)).toBe(0)
    time.now += 100_000
    expect(await waker.wakeOverdue(time.now - 50_000)).toBe(1)
  })

  it('[PU-9, PU-3] that were disabled meanwhile are left out from then on', async (context) => {
    const { waker, databases, notifications, time } = await open(context, { enabled: () => false })
    await databases.put(databaseOf('IMEI:1', 'app', 1))
    expect(await waker.wakeOverdue(time.now)).toBe(0)
    expect(await notifications.listOverdue(time.now, 9)).toEqual([])
  })
})
