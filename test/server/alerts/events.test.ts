/** What a whole server tells the operator of as it happens. */

import { expect, it, onTestFinished } from 'vitest'
import type { Alert } from '../../../server/alerts/alert.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { openHostileServer } from '../../hostile/hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from '../../hostile/material.ts'

it('[AL-8] a quota that refuses something is an alert, once, with whose it is and no more', async () => {
  const server = await openHostileServer({ quotaDeviceSessions: '1' })
  onTestFinished(() => server.close())
  const catalogue = await openCatalogue(server.data, openKeyRing({ dataDir: server.data }).keyRing)
  onTestFinished(() => catalogue.destroy())
  const device = await server.addDevice()
  expect(await device.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  for (let i = 0; i < 3; i++) expect(await device.sendDelta(honestDelta(device))).toMatchObject({ header: 417 })
  const told = async (): Promise<readonly Alert[]> =>
    (await catalogue.selectFrom('alert').select('body').execute()).map(({ body }) => JSON.parse(body) as Alert)
  await expect.poll(told).toHaveLength(1)
  expect(await told()).toMatchObject([
    {
      ...{ kind: 'quota', severity: 'bad', accountName: device.name, deviceId: device.deviceId, database: '' },
      text: 'a quota is used up (sessions): something was refused',
    },
  ])
  // The whole account's, a quota of its own.
  await server.server.quotas.set({ accountId: device.accountId, deviceId: '' }, { sessionsPerHour: 1 })
  await server.server.quotas.set(device, { sessionsPerHour: 1000 })
  expect(await device.sendDelta(honestDelta(device))).toMatchObject({ header: 417 })
  await expect.poll(told).toHaveLength(2)
  expect((await told()).find(({ deviceId }) => deviceId === '')).toMatchObject({
    kind: 'quota',
    accountName: device.name,
  })
})
