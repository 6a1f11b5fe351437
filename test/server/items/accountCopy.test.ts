/** The account's copy: made once, restored like any other, written by child processes, one device after the other. */

import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { fileRestoreTarget } from '../../../device-client/node/fileRestoreTarget.ts'
import { nodeGzip } from '../../../device-client/node/gzip.ts'
import { restoreDatabase } from '../../../device-client/restore/restoreDatabase.ts'
import { copyKeyContext } from '../../../server/backup/copyKey.ts'
import { readPosition } from '../../../server/backup/copyLayout.ts'
import { ACCOUNT_DEVICE } from '../../../server/catalogue/catalogue.ts'
import { sqlRestores } from '../../../server/catalogue/sqlite/restores.ts'
import { ITEMS_DATABASE } from '../../../server/items/itemCopy.ts'
import { adoptPosition, buildImage, importImage } from '../../../server/restore/buildImage.ts'
import { proveCopy } from '../../../server/restore/proveCopy.ts'
import type { RestoreService } from '../../../server/restore/restoreService.ts'
import { createRestores } from '../../../server/restore/restores.ts'
import { openSegmentMapSigner } from '../../../server/restore/signSegmentMap.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { openFileStorage } from '../../../server/storage/fileStorage.ts'
import { createWorkerPool } from '../../../server/worker/workerPool.ts'
import { ITEM_ACCOUNT, type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'
import { openTimeMachine } from '../../support/openTimeMachine.ts'
import { RandomSource } from './randomSource.ts'

let bench: ItemBench
let endPool: (() => Promise<void>) | undefined

afterEach(async () => {
  await endPool?.()
  endPool = undefined
  await bench.close()
})

function deviceOf(uri: string, deviceId: string, type?: string): ItemDevice {
  const datastore = bench.registry.find(uri)
  if (datastore === undefined) throw new Error(`no ${uri}`)
  return new ItemDevice(datastore, deviceId, type === undefined ? {} : { type })
}

async function restoreService() {
  mkdirSync(join(bench.dataDir, 'images'), { recursive: true })
  const storage = openFileStorage(join(bench.dataDir, 'objects'))
  return createRestores({
    databases: bench.databases,
    restores: sqlRestores(bench.catalogue),
    keyRing: bench.keyRing,
    storage,
    signer: await openSegmentMapSigner(storage, bench.keyRing),
    jobs: {
      buildImage: (input) => buildImage(input, storage),
      importImage: (input) => importImage(input, storage),
      adoptPosition,
      proveCopy,
    },
    onDamage: () => undefined,
    timeMachine: openTimeMachine({ ...bench, now: () => bench.clock.now }),
    keepsPast: true,
    copyPath: bench.copyPath,
    imagePath: (imageId) => join(bench.dataDir, 'images', imageId),
    now: () => bench.clock.now,
    keepMs: 86_400_000,
  })
}

/** As a laptop of the account, which has no Items. */
async function restoreItems(service: RestoreService, path: string, point: string): Promise<void> {
  const caller = { accountId: ITEM_ACCOUNT, deviceId: 'laptop' }
  const wanted = { database: ITEMS_DATABASE, fromDeviceId: ACCOUNT_DEVICE, point }
  await restoreDatabase({
    calls: {
      createRestore: () => service.createRestore(caller, wanted),
      readSegment: async (id, segment) => (await service.readSegment(caller, id, segment)).bytes,
      completeRestore: (id) => service.completeRestore(caller, id),
    },
    target: fileRestoreTarget(path),
    wanted: JSON.stringify(wanted),
    adopt: () => () => {},
    gzip: nodeGzip,
    clock: { now: Date.now, sleep: () => Promise.resolve() },
  })
}

describe('the copy of Items', () => {
  it('[IT-1] is restored as ordinary tables, without what only synchronization knows', async () => {
    bench = await openItemBench()
    const phone = deviceOf('contacts', 'phone')
    for (const name of ['Ada', 'Bob']) phone.add(vcard(name))
    await phone.sync()
    const note = deviceOf('notes', 'phone', 'text/plain')
    note.add('Milk\r\nBread')
    await note.sync()
    const service = await restoreService()
    const path = join(bench.folder, 'items.db')
    await restoreItems(service, path, 'latest')
    const restored = openDatabase(path, { cipher: { kind: 'none' } })
    const all = (sql: string) => restored.prepare(sql).all()
    expect(all("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").flat()).toEqual([
      'bookmarks',
      'calendar',
      'contacts',
      'email',
      'files',
      'notes',
      'tasks',
    ])
    expect(all('SELECT content, type, changed_by FROM contacts ORDER BY content')).toEqual([
      [vcard('Ada'), 'text/vcard', 'phone'],
      [vcard('Bob'), 'text/vcard', 'phone'],
    ])
    expect(all('SELECT content FROM notes')).toEqual([['Milk\r\nBread']])
    expect(restored.pragma('integrity_check')).toBe('ok')
    restored.close()
    // The copy goes on: the restore began another life for the laptop only.
    phone.add(vcard('Cyd'))
    expect((await phone.sync()).statuses).toEqual([201])
  })

  it('[TM-11] remembers its Items: as they were before each quarter of an hour in which they changed', async () => {
    bench = await openItemBench()
    const service = await restoreService()
    const phone = deviceOf('contacts', 'phone')
    const tablet = deviceOf('contacts', 'tablet')
    const states: { readonly at: number; readonly contents: string[] }[] = []
    const random = new RandomSource(7)
    for (let turn = 0; turn < 30; turn++) {
      const device = random.pick([phone, tablet])
      const luids = [...device.items.keys()]
      device.add(vcard(`P${turn}`))
      if (luids.length > 3) device.remove(random.pick(luids))
      const edited = random.pick([...device.items.keys()])
      device.edit(edited, vcard(`E${turn}`))
      await device.sync()
      const contents = (await bench.query('SELECT content FROM contacts ORDER BY content')).map(([text]) =>
        String(text),
      )
      states.push({ at: bench.clock.now, contents })
      // Two syncs an hour belong to one point, then the account is quiet.
      bench.clock.now += turn % 2 === 0 ? 60_000 : 3_600_000
    }
    const list = () => service.listPoints(ITEM_ACCOUNT, ACCOUNT_DEVICE, ITEMS_DATABASE)
    const points = await list()
    expect(points).toHaveLength(16)
    for (const [at, { point, takenAt }] of points.entries()) {
      const path = join(bench.folder, 'past.db')
      await restoreItems(service, path, point)
      const restored = openDatabase(path, { cipher: { kind: 'none' } })
      const contents = restored.prepare('SELECT content FROM contacts ORDER BY content').all().flat()
      restored.close()
      rmSync(path)
      // Its time is that of the last change before it; the oldest is the copy before there was anything.
      const state = states.findLast((each) => each.at >= takenAt && each.at - takenAt < 1000)
      expect(contents, `point ${at}`).toEqual(at === points.length - 1 ? [] : state?.contents)
    }
    // Not kept any more: what is remembered could not be gone back to (TM-13).
    bench.keepsPast.current = false
    phone.add(vcard('unkept'))
    await phone.sync()
    expect(await list()).toHaveLength(1)
  })

  it('[IT-1] [IT-2] each change moves its position, a session without changes does not, and the catalogue follows', async () => {
    bench = await openItemBench()
    const phone = deviceOf('contacts', 'phone')
    phone.add(vcard('Ada'))
    await phone.sync()
    const first = await bench.databases.get(bench.key)
    await phone.sync()
    expect(await bench.databases.get(bench.key)).toEqual(first)
    phone.add(vcard('Bob'))
    await phone.sync()
    const second = await bench.databases.get(bench.key)
    if (first === undefined || second === undefined) throw new Error('no row')
    expect([second.copyId, second.lineage, second.number]).toEqual([first.copyId, first.lineage, first.number + 1])
    expect(second.token).not.toBe(first.token)
    const key = bench.keyRing.unwrap(second.wrappedKey, copyKeyContext(second.copyId))
    const copy = openDatabase(bench.copyPath(second.copyId), { cipher: { kind: 'aegis', key } })
    expect(readPosition(copy)).toMatchObject({ lineage: second.lineage, number: second.number, token: second.token })
    expect(readPosition(copy).history.get(first.number)).toBe(first.token)
    copy.close()
  })

  it('[IT-1] is made once, however many sessions come first, and no plain octet rests', async () => {
    bench = await openItemBench()
    const canary = `Canary${randomBytes(8).toString('hex')}`
    const devices = ['a', 'b', 'c'].map((name) => deviceOf('contacts', name))
    for (const [at, device] of devices.entries()) device.add(vcard(`${canary}${at}`))
    await Promise.all(devices.map((device) => device.sync()))
    expect(await bench.databases.list(ITEM_ACCOUNT)).toHaveLength(1)
    expect(readdirSync(join(bench.dataDir, 'copies')).filter((name) => name.endsWith('.db'))).toHaveLength(1)
    for (const name of readdirSync(join(bench.dataDir, 'copies')))
      expect(readFileSync(join(bench.dataDir, 'copies', name)).includes(canary), name).toBe(false)
  })

  it('[IT-16] is worked on in child processes; devices of one account wait for each other', async () => {
    const pool = createWorkerPool({ size: 2 })
    endPool = () => pool.close()
    bench = await openItemBench({ runJob: (input, owner) => pool.run('items', input, { owner }) })
    const devices = ['a', 'b', 'c'].map((name) => deviceOf('contacts', name))
    for (const [at, device] of devices.entries()) for (let i = 0; i < 20; i++) device.add(vcard(`P${at}x${i}`))
    await Promise.all(devices.map((device) => device.sync()))
    for (const device of devices) await device.sync()
    const stored = (await bench.query('SELECT content FROM contacts')).map(String).sort()
    expect(stored).toHaveLength(60)
    for (const device of devices) expect(device.contents()).toEqual(stored)
  })
})
