/** Both ways of having an account service, by one contract. */

import { describe, expect, it } from 'vitest'
import { createHttpAccountService } from '../../../server/account/httpAccountService.ts'
import { describeAccountService } from '../../contract/accountService.ts'
import { openLocal, openOverHttp, serveAccounts } from './accountParts.ts'

describeAccountService('in this process', openLocal)
describeAccountService('over HTTP', openOverHttp)

describe('account service over HTTP, besides', () => {
  it('[AC-7] answers no internal call without the service secret', async () => {
    const local = await openLocal()
    const server = await serveAccounts(local)
    const { accessToken } = await local.service
      .register('anna', 'long enough')
      .then(() => local.service.login('anna', 'long enough'))
    for (const authorization of [undefined, 'Bearer wrong', `Bearer ${accessToken}`]) {
      const response = await fetch(`${server.url}/accounts/internal/accounts`, {
        headers: authorization === undefined ? {} : { authorization },
      })
      expect(response.status).toBe(401)
    }
    const wrong = createHttpAccountService({ baseUrl: server.url, serviceSecret: 'wrong', clock: local.time.now })
    await expect(wrong.listAccounts()).rejects.toMatchObject({ code: 'auth.invalid' })
    await server.close(0)
    await local.close()
  })

  it('[AC-8] says that it is away, and goes on verifying tokens with the keys it kept', async () => {
    const local = await openLocal()
    const server = await serveAccounts(local)
    const remote = createHttpAccountService({
      baseUrl: server.url,
      serviceSecret: 'x'.repeat(40),
      clock: local.time.now,
    })
    await local.service.register('anna', 'long enough')
    const { accessToken } = await local.service.login('anna', 'long enough')
    expect(await remote.verifyToken(accessToken)).toMatchObject({ accountName: 'anna' })
    await server.close(0)
    local.time.advance(400_000)
    expect(await remote.verifyToken(accessToken)).toMatchObject({ accountName: 'anna' })
    await expect(remote.isEnabled('a', 'd')).rejects.toMatchObject({ code: 'network.unreachable' })
    await local.close()
  })
})
