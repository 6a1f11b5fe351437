/** What the engine rehearses when it starts leaves nothing behind. Rule OM-37. */

import { expect, it } from 'vitest'
import { rehearseSessions } from '../../../server/omads/rehearsal.ts'
import { collectingLog } from '../../support/omadsMemory.ts'
import { omadsServer } from '../../support/omadsPeer.ts'

it('[OM-37] a rehearsal has whole sessions, and touches nothing that is kept', async () => {
  const { deps } = omadsServer()
  const log = collectingLog()
  const touched: string[] = []
  const watched = <T extends object>(name: string, port: T): T =>
    new Proxy(port, {
      get: (target, member) => {
        touched.push(`${name}.${String(member)}`)
        return Reflect.get(target, member)
      },
    })
  const complete = await rehearseSessions({
    ...deps,
    log,
    trace: () => touched.push('trace'),
    sessions: watched('sessions', deps.sessions),
    nonces: watched('nonces', deps.nonces),
    verifier: watched('verifier', deps.verifier),
    descriptions: watched('descriptions', deps.descriptions),
    heldObjects: watched('heldObjects', deps.heldObjects),
    registry: watched('registry', deps.registry),
    spool: watched('spool', deps.spool),
  })
  expect(complete).toBe(11)
  expect(touched).toEqual([])
  expect(log.errors).toEqual([])
})
