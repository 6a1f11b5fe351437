/** Files in folders: order, parents in both directions, moves, what is refused. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type {
  ClientItemChange,
  ItemClient,
  ItemForClient,
  SyncDatastore,
} from '../../../server/datastore/syncDatastore.ts'
import { ITEM_ACCOUNT, type ItemBench, openItemBench } from '../../support/itemBench.ts'

let bench: ItemBench
let files: SyncDatastore
let sessions = 0

beforeEach(async () => {
  bench = await openItemBench()
  const found = bench.registry.find('briefcase')
  if (found === undefined) throw new Error('no files')
  files = found
})
afterEach(() => bench.close())

const client = (deviceId: string): ItemClient => ({
  accountId: ITEM_ACCOUNT,
  accountName: 'alice',
  deviceId,
  sourceUri: './files',
})

function folder(luid: string, name: string, parent?: string): ClientItemChange {
  return putOf(luid, 'application/vnd.omads-folder+xml', `<Folder><name>${name}</name></Folder>`, parent)
}

function file(luid: string, name: string, parent?: string): ClientItemChange {
  const xml = `<File><name>${name}</name><body enc="base64">aGVsbG8=</body></File>`
  return putOf(luid, 'application/vnd.omads-file+xml', xml, parent)
}

function putOf(luid: string, type: string, text: string, parent: string | undefined): ClientItemChange {
  return {
    kind: 'put',
    command: 'Add',
    luid,
    type,
    content: { kind: 'inline', bytes: Buffer.from(text) },
    fieldLevel: false,
    ...(parent !== undefined && { parent }),
  }
}

const remove = (luid: string): ClientItemChange => ({ kind: 'delete', luid, archive: false, soft: false })
const nameOf = ({ octets }: ItemForClient) => /<name>([^<]*)/.exec(Buffer.from(octets).toString())?.[1] ?? ''

/** One whole session; the device takes everything under `<device>:<guid>`. */
async function sync(deviceId: string, changes: readonly ClientItemChange[] = [], type: 200 | 201 = 201) {
  const me = client(deviceId)
  const next = `n${++sessions}`
  const last = lasts.get(deviceId)
  const decision = await files.decide(me, { type, next, ...(type === 200 && last !== undefined && { last }) })
  if (decision.status !== 200) throw new Error(`status ${decision.status}`)
  const { outcomes } = await files.apply(me, decision.state, changes)
  const { total } = await files.close(me, decision.state)
  const items = await files.page(me, decision.state, 0, { count: 1000, maxBytes: 1e6 })
  expect(items).toHaveLength(total)
  await files.acknowledge(
    me,
    decision.state,
    items.map(({ command, id }) => ({ command, id, status: 200 })),
  )
  const added = items.filter(({ command }) => command === 'Add')
  await files.map(
    me,
    added.map(({ id }) => ({ guid: id, luid: `${deviceId}:${id}` })),
  )
  await files.finish(me, decision.state)
  lasts.set(deviceId, next)
  return { statuses: outcomes.map(({ status }) => status), items }
}
const lasts = new Map<string, string>()

describe('folders', () => {
  it('[IT-15] go before what is in them, each child with its parent', async () => {
    const { statuses } = await sync('pc', [
      folder('f1', 'top'),
      folder('f2', 'sub', 'f1'),
      file('x', 'x.txt', 'f2'),
      file('r', 'r.txt', '/'),
    ])
    expect(statuses).toEqual([201, 201, 201, 201])
    // The child of a folder that is made later: by a move.
    await sync('pc', [folder('f3', 'late'), { kind: 'move', luid: 'f1', parent: 'f3' }], 200)
    const { items } = await sync('phone')
    expect(items.map(nameOf).filter((name) => name !== 'r.txt')).toEqual(['late', 'top', 'sub', 'x.txt'])
    const guid = (name: string) => items.find((item) => nameOf(item) === name)?.id
    expect(items.map((item) => [nameOf(item), item.parent])).toEqual(
      expect.arrayContaining([
        ['late', undefined],
        ['top', { guid: guid('late') }],
        ['x.txt', { guid: guid('sub') }],
      ]),
    )
    await sync('pc', [file('y', 'y.txt', 'f2')], 200)
    const next = await sync('phone', [], 200)
    expect(next.items.map((item) => [item.command, nameOf(item), item.parent])).toEqual([
      ['Add', 'y.txt', { luid: `phone:${guid('sub')}` }],
    ])
  })

  it('[IT-15] deletions come in reverse, and a folder that is not empty stays', async () => {
    await sync('pc', [folder('f1', 'top'), file('x', 'x.txt', 'f1')])
    const { items } = await sync('phone')
    expect((await sync('pc', [remove('f1')], 200)).statuses).toEqual([427])
    expect((await sync('pc', [remove('x'), remove('f1')], 200)).statuses).toEqual([200, 200])
    const gone = await sync('phone', [], 200)
    expect(gone.items.map(({ command, id }) => [command, id])).toEqual([
      ['Delete', `phone:${items[1]?.id}`],
      ['Delete', `phone:${items[0]?.id}`],
    ])
  })

  it('[IT-15] an unknown parent is 500 for Add and 428 for Move, as is a folder in itself', async () => {
    const { statuses } = await sync('pc', [
      folder('f1', 'top'),
      folder('f2', 'sub', 'f1'),
      file('x', 'x.txt', 'nowhere'),
      file('y', 'y.txt', 'f2'),
      { kind: 'move', luid: 'y', parent: 'nowhere' },
      { kind: 'move', luid: 'f1', parent: 'f2' },
      { kind: 'move', luid: 'nobody', parent: 'f1' },
      { kind: 'move', luid: 'y', parent: '/' },
    ])
    expect(statuses).toEqual([201, 201, 500, 201, 428, 428, 412, 200])
    const rows = await bench.query("SELECT parent FROM files WHERE content LIKE '%y.txt%'")
    expect(rows).toEqual([[null]])
  })

  it('[IT-6] Copy makes another Item of the same content', async () => {
    const copy = { kind: 'copy', luid: 'x', newLuid: 'z' } as const
    const { statuses } = await sync('pc', [file('x', 'x.txt'), copy, copy, { ...copy, luid: 'nobody' }])
    expect(statuses).toEqual([201, 201, 418, 404])
    expect((await sync('phone')).items.map(nameOf)).toEqual(['x.txt', 'x.txt'])
  })

  it('[IT-13] raw octets are kept to the octet', async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0x80])
    const put = { ...file('b', ''), type: 'application/octet-stream', content: { kind: 'inline', bytes } } as const
    expect((await sync('pc', [put as ClientItemChange])).statuses).toEqual([201])
    const { items } = await sync('phone')
    expect(items.map(({ type, octets }) => [type, Buffer.from(octets)])).toEqual([['application/octet-stream', bytes]])
  })
})
