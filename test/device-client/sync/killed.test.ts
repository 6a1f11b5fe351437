/** A device that dies around the writing of an item. */

import { expect, it } from 'vitest'
import { openVdirSource } from '../../../device-client/node/vdirSource.ts'
import type { ItemSource } from '../../../device-client/sync/itemSource.ts'
import { card, openItemServer } from '../../support/itemPeer.ts'
import { SyncFolder } from '../../support/syncFolder.ts'

/** Stands for the end of the process: no code of ours handles it. */
class Killed extends Error {}

it.each(['before', 'after'] as const)('[DC-64] killed %s an item is written, it has the item once', async (moment) => {
  const server = await openItemServer()
  const one = new SyncFolder(server.server, 'dev-one')
  let writes = 0
  let dies = true
  const dying = (source: ItemSource): ItemSource => {
    const around = async <T>(write: () => Promise<T>): Promise<T> => {
      const dieNow = dies && ++writes === 2
      if (dieNow && moment === 'before') throw new Killed()
      const result = await write()
      if (dieNow) throw new Killed()
      return result
    }
    return {
      ...source,
      add: (...args) => around(() => source.add(...args)),
      replace: (...args) => around(() => source.replace(...args)),
      remove: (...args) => around(() => source.remove(...args)),
    }
  }
  const two = new SyncFolder(server.server, 'dev-two', { openSource: () => dying(openVdirSource(two.folder, '.vcf')) })
  try {
    const die = async (): Promise<void> => {
      writes = 0
      dies = true
      await expect(two.sync()).rejects.toBeInstanceOf(Killed)
      dies = false
      await two.sync()
      await one.sync()
      expect(two.contents()).toEqual(one.contents())
      expect((await server.contacts()).sort()).toEqual(one.contents())
    }
    for (let i = 0; i < 6; i++) one.put(card(`item ${i}`))
    await one.sync()
    await die()
    for (const name of one.names().slice(0, 3)) one.put(card(`changed ${name}`), name)
    await one.sync()
    await die()
    for (const name of one.names().slice(0, 3)) one.remove(name)
    await one.sync()
    await die()
    expect(one.names()).toHaveLength(3)
    expect(server.server.errors).toEqual([])
  } finally {
    one.dispose()
    two.dispose()
    await server.close()
  }
})
