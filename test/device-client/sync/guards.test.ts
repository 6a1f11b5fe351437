/** What a sync does not do: overwrite, empty, or follow the server blindly. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openVdirSource } from '../../../device-client/node/vdirSource.ts'
import type { ItemSource } from '../../../device-client/sync/itemSource.ts'
import { chooseAlert, chooseType, type SYNC_MODES } from '../../../device-client/sync/syncMode.ts'
import { card, type ItemServer, openItemServer } from '../../support/itemPeer.ts'
import { omadsServer } from '../../support/omadsPeer.ts'
import { SyncFolder } from '../../support/syncFolder.ts'

let server: ItemServer
let one: SyncFolder
let two: SyncFolder
/** Runs before the source of `two` is written to: an edit while the session runs. */
let meanwhile: (luid: string) => void
beforeEach(async () => {
  meanwhile = () => undefined
  server = await openItemServer()
  one = new SyncFolder(server.server, 'dev-one')
  two = new SyncFolder(server.server, 'dev-two', {
    openSource: () => interrupted(openVdirSource(two.folder, '.vcf')),
  })
})
afterEach(async () => {
  expect(server.server.errors).toEqual([])
  one.dispose()
  two.dispose()
  await server.close()
})

function interrupted(source: ItemSource): ItemSource {
  return {
    ...source,
    replace: (luid, ...rest) => {
      meanwhile(luid)
      return source.replace(luid, ...rest)
    },
    remove: (luid, expected) => {
      meanwhile(luid)
      return source.remove(luid, expected)
    },
  }
}

/** Both folders hold these. */
async function bothHold(count: number): Promise<readonly string[]> {
  for (let i = 0; i < count; i++) one.put(card(`item ${i}`))
  await one.sync()
  await two.sync()
  return one.names()
}

describe('edits while a session runs', () => {
  it('[DC-65] both are kept where the server brings another version', async () => {
    const [name = ''] = await bothHold(3)
    one.put(card('item 0', 'of one'), name)
    await one.sync()
    meanwhile = (luid) => void two.put(card('item 0', 'of two'), luid)
    expect(await two.sync()).toMatchObject({ conflicts: 1, received: { replaced: 1 } })
    meanwhile = () => undefined
    await two.sync()
    await one.sync()
    expect(one.contents()).toEqual(two.contents())
    expect(one.contents()).toEqual([card('item 0', 'of one'), card('item 0', 'of two'), card('item 1'), card('item 2')])
  })

  it('[DC-65] a change beats a deletion', async () => {
    const [name = ''] = await bothHold(3)
    one.remove(name)
    await one.sync()
    meanwhile = (luid) => void two.put(card('saved'), luid)
    expect(await two.sync()).toMatchObject({ conflicts: 1, received: { deleted: 0 } })
    meanwhile = () => undefined
    await two.sync()
    await one.sync()
    expect(one.contents()).toEqual(two.contents())
    expect(one.contents()).toContain(card('saved'))
  })
})

describe('a side that is suddenly empty', () => {
  it('[DC-66] ours is not sent before the user says so', async () => {
    for (const name of await bothHold(12)) one.remove(name)
    await expect(one.sync()).rejects.toMatchObject({ code: 'sync.emptied' })
    await expect(one.sync({ mode: 'refresh-from-client' })).rejects.toMatchObject({ code: 'sync.emptied' })
    expect(await server.contacts()).toHaveLength(12)
    expect(await one.sync({ mode: 'slow' })).toMatchObject({ received: { added: 12 } })
  })

  it('[DC-66] a server with a guard of its own still has a say', async () => {
    for (const name of await bothHold(12)) one.remove(name)
    const deleted = await one.sync({ allowEmpty: true })
    expect(deleted.failedCount).toBe(12)
    expect(await server.contacts()).toHaveLength(12)
  })

  it('[DC-66] deletions that come are refused, remembered, and carried out with --allow-empty', async () => {
    await bothHold(12)
    await emptyServer()
    expect(await two.sync()).toMatchObject({ refusedDeletes: 12, received: { deleted: 0 } })
    expect(two.names()).toHaveLength(12)
    expect(await two.sync({ allowEmpty: true })).toMatchObject({ sent: { added: 0, deleted: 0 } })
    expect(two.names()).toEqual([])
    expect(await server.contacts()).toEqual([])
  })

  it('[DC-66] a refresh from a server that lost its items deletes nothing', async () => {
    await bothHold(12)
    await emptyServer()
    await expect(two.sync({ mode: 'refresh-from-server' })).rejects.toMatchObject({ code: 'auth.forbidden' })
    expect(two.names()).toHaveLength(12)
  })

  it('[DC-66] a refresh that brings nothing deletes nothing', async () => {
    const other = omadsServer()
    const folder = new SyncFolder(other, 'dev-one', { app: 'notes', remote: './databases/app' })
    try {
      for (let i = 0; i < 12; i++) folder.put(`note ${i}`, `n${i}.txt`)
      await expect(folder.sync({ mode: 'refresh-from-server' })).rejects.toMatchObject({ code: 'sync.emptied' })
      expect(folder.names()).toHaveLength(12)
      await folder.sync({ mode: 'refresh-from-server', allowEmpty: true })
      expect(folder.names()).toEqual([])
    } finally {
      folder.dispose()
    }
  })

  /** A third device empties it in steps that no guard stops. */
  async function emptyServer(): Promise<void> {
    const third = new SyncFolder(server.server, 'dev-three')
    try {
      await third.sync()
      for (let names = third.names(); names.length > 0; names = third.names()) {
        for (const name of names.slice(0, Math.min(8, names.length))) third.remove(name)
        await third.sync({ allowEmpty: true })
      }
    } finally {
      third.dispose()
    }
  }
})

describe('modes', () => {
  it('[DC-62] one-way and refresh syncs go their way only', async () => {
    await bothHold(4)
    one.put(card('of one'))
    two.put(card('of two'))
    expect(await two.sync({ mode: 'one-way-from-server' })).toMatchObject({ sent: { added: 0 } })
    expect(await one.sync({ mode: 'one-way-from-client' })).toMatchObject({
      sent: { added: 1 },
      received: { added: 0 },
    })
    expect(await two.sync({ mode: 'one-way-from-server' })).toMatchObject({
      received: { added: 1 },
      sent: { added: 0 },
    })
    expect(two.contents()).toContain(card('of two'))
    expect(await server.contacts()).not.toContain(card('of two'))
    expect(await two.sync({ mode: 'refresh-from-server' })).toMatchObject({ received: { added: 0, deleted: 1 } })
    expect(two.contents()).toEqual(one.contents())
    const [name = ''] = one.names()
    one.remove(name)
    expect(await one.sync({ mode: 'refresh-from-client' })).toMatchObject({ received: { added: 0 } })
    await two.sync()
    expect(two.contents()).toEqual(one.contents())
    expect((await server.contacts()).sort()).toEqual(one.contents())
  })

  it('[DC-62] a device that lost its anchors finds everything again', async () => {
    await bothHold(5)
    const again = new SyncFolder(server.server, 'dev-one')
    try {
      for (const text of one.contents()) again.put(text)
      expect(await again.sync()).toMatchObject({ mode: 'slow', received: { added: 0 } })
      expect(again.contents()).toEqual(one.contents())
      expect(await server.contacts()).toHaveLength(5)
    } finally {
      again.dispose()
    }
  })

  it('[DC-62] what is asked for, and which answers are followed', () => {
    expect(chooseAlert('two-way', {})).toEqual({ code: 201, type: 201 })
    expect(chooseAlert('two-way', { last: '1' })).toEqual({ code: 200, type: 200, last: '1' })
    expect(chooseAlert('two-way', { last: '1', interrupted: 201 })).toEqual({ code: 225, type: 201, last: '1' })
    expect(chooseAlert('one-way-from-server', { last: '1', interrupted: 200 })).toMatchObject({ code: 204 })
    expect(chooseAlert('refresh-from-server', { last: '1', interrupted: 205 })).toEqual({ code: 205, type: 205 })
    const asked = (type: (typeof SYNC_MODES)[keyof typeof SYNC_MODES]) => ({ code: type, type })
    expect(chooseType(asked(200), 508, '201')).toBe(201)
    expect(chooseType(asked(200), 508, undefined)).toBe(201)
    expect(chooseType(asked(200), 200, '205')).toBeUndefined()
    expect(chooseType(asked(202), 508, '201')).toBeUndefined()
    expect(chooseType(asked(202), 508, '203')).toBe(203)
    expect(chooseType({ code: 225, type: 200 }, 200, '225')).toBe(200)
  })
})
