/**
 * Whole dialogues of real clients, sent to our server with its real datastores: every answer keeps the rules, and what a
 * client was told that we have is there.
 */

import { afterEach, describe, expect, it } from 'vitest'
import { contentKey } from '../../schemas/pim/matchKey.ts'
import { readContent } from '../../schemas/pim/readContent.ts'
import { decodeMessage } from '../../schemas/syncml/codec.ts'
import type { Command, Item, Message } from '../../schemas/syncml/message.ts'
import { findStoreView } from '../../server/items/stores.ts'
import { type Capture, capturedMessages } from '../support/capturedMessages.ts'
import { type ItemServer, openItemServer } from '../support/itemPeer.ts'
import { statuses } from '../support/omadsPeer.ts'
import { type Exchange, ReplayedClient } from '../support/replayedClient.ts'

const KINDS = { contacts: 'contact', calendar: 'event', tasks: 'task', notes: 'note' } as const
type Store = keyof typeof KINDS

let items: ItemServer
afterEach(() => items?.close())

/** First messages of which nothing more was kept. */
const ALONE = /\/(client-package1|client_sync_init|sony-ericsson-k800i-package1)\./

/** What the client sent in a dialogue, by folder. */
function dialogues(): Map<string, Capture[]> {
  const found = new Map<string, Capture[]>()
  for (const capture of capturedMessages) {
    const { name } = capture
    if (!/^syncevolution\/.*-request\.|^horde\+SyncMl\/.*_client_/.test(name) && !ALONE.test(name)) continue
    const folder = ALONE.test(name) ? name : name.slice(0, name.lastIndexOf('/'))
    found.set(folder, [...(found.get(folder) ?? []), capture])
  }
  for (const captures of found.values()) captures.sort((a, b) => (a.name < b.name ? -1 : 1))
  return found
}

/** What the server must hold, by table and LUID, as its Statuses promised. */
class Promised {
  readonly #held = new Map<Store, Map<string, string>>()
  readonly #chunks = new Map<string, Buffer>()

  note({ sent, answer }: Exchange): void {
    for (const alert of sent.commands) {
      if (alert.name === 'Alert' && alert.data === '203') this.#of(alert.items[0]?.target?.locUri)?.clear()
    }
    for (const sync of sent.commands) {
      if (sync.name !== 'Sync') continue
      const held = this.#of(sync.target?.locUri)
      if (held === undefined) continue
      for (const command of sync.commands) this.#noteCommand(held, command, answer, this.#storeOf(sync.target?.locUri))
    }
  }

  stores(): readonly (readonly [Store, ReadonlyMap<string, string>])[] {
    return [...this.#held]
  }

  #storeOf(uri = ''): Store {
    return findStoreView(uri)?.stores[0] as Store
  }

  #of(uri: string | undefined): Map<string, string> | undefined {
    const store = this.#storeOf(uri)
    if (store === undefined) return undefined
    const held = this.#held.get(store) ?? new Map<string, string>()
    this.#held.set(store, held)
    return held
  }

  #noteCommand(held: Map<string, string>, command: Command, answer: Message, store: Store): void {
    if (command.name !== 'Add' && command.name !== 'Replace' && command.name !== 'Delete') return
    const status = statuses(answer).find(({ cmdRef, cmd }) => cmdRef === command.cmdId && cmd === command.name)?.data
    const [item] = command.items
    const luid = item?.source?.locUri ?? ''
    const octets = joined(this.#chunks, luid, item)
    if (status === 213) expect(item?.moreData).toBe(true)
    else if (command.name === 'Delete') held.delete(luid)
    else if (status === undefined || (status >= 300 && status !== 418)) expect(status).toBe(refusalOf(command))
    else {
      const type = item?.meta?.type ?? command.meta?.type ?? ''
      held.set(luid, contentKey(readContent(KINDS[store], type, octets)))
    }
  }
}

/** Clients of Sync4j for Windows Mobile send an XML of their own, which nobody else knows. */
function refusalOf(command: Command): number {
  return /^text\/x-s4j-/.test(('meta' in command && command.meta?.type) || '') ? 415 : 200
}

function joined(chunks: Map<string, Buffer>, luid: string, item: Item | undefined): Uint8Array {
  const data = item?.data
  const octets = data?.kind === 'text' ? Buffer.from(data.text) : data?.kind === 'bytes' ? data.bytes : Buffer.alloc(0)
  const whole = Buffer.concat([chunks.get(luid) ?? Buffer.alloc(0), octets])
  chunks.delete(luid)
  if (item?.moreData) chunks.set(luid, whole)
  return whole
}

async function heldKeys(store: Store): Promise<string[]> {
  const rows = await items.bench.query(`SELECT type, CAST(content AS BLOB) FROM ${store}`, 'acc-alice')
  return rows.map(([type, content]) =>
    contentKey(readContent(KINDS[store], String(type), Buffer.from(content as Uint8Array))),
  )
}

const found = [...dialogues()]
const missing = found.length === 0 ? ' (skipped: no captures beside the checkout)' : ''

describe.skipIf(found.length === 0)(`captured dialogues${missing}`, () => {
  it('there are many', () => expect(found.length).toBeGreaterThan(50))

  it.each(found)('[OM-5] [OM-6] [OM-11] [OM-19] [OM-30] %s', async (_, captures) => {
    items = await openItemServer()
    const client = new ReplayedClient(items, captures[0]?.encoding ?? 'xml')
    const promised = new Promised()
    for (const { name, octets, encoding } of captures) {
      const exchange = await client.send(decodeMessage(octets, encoding), name)
      if (exchange) promised.note(exchange)
    }
    for (const [store, held] of promised.stores()) {
      const keys = await heldKeys(store)
      for (const [luid, key] of held) expect(keys, `${luid} in ${store}`).toContain(key)
    }
    expect(items.server.errors).toEqual([])
  })
})
