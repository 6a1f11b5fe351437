/** A folder of contacts in sync with our own server, over the real session engine and the real item store. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { card, type ItemServer, openItemServer } from '../../support/itemPeer.ts'
import { SyncFolder } from '../../support/syncFolder.ts'

let server: ItemServer
let one: SyncFolder
let two: SyncFolder
beforeEach(async () => {
  server = await openItemServer()
  one = new SyncFolder(server.server, 'dev-one')
  two = new SyncFolder(server.server, 'dev-two')
})
afterEach(async () => {
  expect(server.server.errors).toEqual([])
  one.dispose()
  two.dispose()
  await server.close()
})

describe('two folders through our server', () => {
  it('[DC-60] [DC-63] hold the same after each was synchronized', async () => {
    for (let i = 0; i < 20; i++) one.put(card(`one ${i}`))
    for (let i = 0; i < 5; i++) two.put(card(`two ${i}`))
    expect(await one.sync()).toMatchObject({
      mode: 'slow',
      sent: { added: 20 },
      received: { added: 0 },
      failedCount: 0,
    })
    expect(await two.sync()).toMatchObject({ mode: 'slow', sent: { added: 5 }, received: { added: 20 } })
    expect(await one.sync()).toMatchObject({ mode: 'two-way', sent: { added: 0 }, received: { added: 5 } })
    expect(one.contents()).toEqual(two.contents())
    const [first = '', second = '', third = ''] = one.names()
    one.put(card('changed'), first)
    one.remove(second)
    two.put(card('new'))
    expect(await one.sync()).toMatchObject({ sent: { added: 0, replaced: 1, deleted: 1 } })
    expect(await two.sync()).toMatchObject({ sent: { added: 1 }, received: { added: 0, replaced: 1, deleted: 1 } })
    await one.sync()
    expect(one.contents()).toEqual(two.contents())
    expect(one.contents()).toEqual((await server.contacts()).sort())
    expect(third).not.toBe('')
    const idle = await one.sync()
    expect([idle.sent, idle.received, idle.exchanges]).toEqual([
      { added: 0, replaced: 0, deleted: 0 },
      { added: 0, replaced: 0, deleted: 0 },
      3,
    ])
  })
})
