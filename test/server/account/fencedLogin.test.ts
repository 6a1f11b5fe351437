/** A fenced device that logs in over REST is told of, wherever the account service is. */

import { expect, it, onTestFinished } from 'vitest'
import { createFailureLimits } from '../../../server/account/failureLimits.ts'
import { createHttpAccountService } from '../../../server/account/httpAccountService.ts'
import { accountHandlers } from '../../../server/http/accountHandlers.ts'
import { createMetrics } from '../../../server/metrics.ts'
import { openLocal, SERVICE_SECRET, serveAccounts } from './accountParts.ts'

it.each(['here', 'elsewhere'])('[AL-8] with accounts %s, if it proved to be it, and nobody else', async (where) => {
  const local = await openLocal()
  const listening = await serveAccounts(local)
  onTestFinished(async () => {
    await listening.close(0)
    await local.close()
  })
  const overHttp = { baseUrl: listening.url, serviceSecret: SERVICE_SECRET, clock: local.time.now }
  const told: unknown[] = []
  const { loginDevice } = accountHandlers({
    accountService: where === 'here' ? local.service : createHttpAccountService(overHttp),
    limits: createFailureLimits(),
    registration: 'open',
    metrics: createMetrics({ withProcess: false }),
    onFenced: (device) => told.push(device),
  })
  const { accountId } = await local.service.register('alice', 'a long password')
  const { secret } = await local.service.registerDevice(accountId, 'phone', 'nf-1')
  const login = (given: string) =>
    loginDevice({ body: { deviceId: 'nf-1', secret: given } } as never, { address: '127.0.0.1' } as never)
  await login(secret)
  await local.service.setDeviceFence(accountId, 'nf-1', 'lost')
  await expect(login('a wrong secret')).rejects.toMatchObject({ code: 'auth.invalid' })
  expect(told).toEqual([])
  await expect(login(secret)).rejects.toMatchObject({ code: 'device.fenced', message: expect.stringContaining('lost') })
  expect(told).toEqual([{ accountId, deviceId: 'nf-1' }])
})
