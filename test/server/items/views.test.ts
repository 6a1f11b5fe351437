/** Names of datastores, events and tasks in one store, and content that goes to devices of other abilities. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CtCap, DevInfDataStore } from '../../../schemas/syncml/message.ts'
import { findStoreView, STORE_VIEWS } from '../../../server/items/stores.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { type DeviceOptions, ItemDevice } from '../../support/itemDevice.ts'

let bench: ItemBench
beforeEach(async () => {
  bench = await openItemBench()
})
afterEach(() => bench.close())

function deviceOf(uri: string, deviceId: string, options: DeviceOptions = {}): ItemDevice {
  const datastore = bench.registry.find(uri)
  if (datastore === undefined) throw new Error(`no ${uri}`)
  return new ItemDevice(datastore, deviceId, options)
}

describe('names', () => {
  it.each([
    ['card', 'contacts'],
    ['./Contacts', 'contacts'],
    ['addressbook', 'contacts'],
    ['http://example.org/sync/card', 'contacts'],
    ['card?ORG&iCON;acme', 'contacts'],
    ['./Contact/Unfiled', 'contacts'],
    ['cal', 'calendar'],
    ['event', 'calendar'],
    ['./calendar/tasks', 'tasks'],
    ['todo', 'tasks'],
    ['memo', 'notes'],
    ['Bookmarks', 'bookmarks'],
    ['briefcase', 'files'],
    ['mail', 'email'],
    ['calendar+todo', 'calendar+tasks'],
  ])('[IT-1] %s is %s', (uri, name) => {
    expect(bench.registry.find(uri)?.uri).toBe(`./${name}`)
  })

  it('[IT-1] no name stands for two, unknown ones for none, and seven are listed', () => {
    const names = STORE_VIEWS.flatMap(({ name, aliases }) => [name, ...aliases])
    expect(new Set(names).size).toBe(names.length)
    for (const uri of ['', './', 'sms', './databases/app', '../contacts']) expect(findStoreView(uri)).toBeUndefined()
    expect(bench.registry.list().map(({ uri }) => uri.slice(2))).toEqual([
      'contacts',
      'calendar',
      'tasks',
      'notes',
      'bookmarks',
      'files',
      'email',
    ])
  })
})

const ical = (component: 'VEVENT' | 'VTODO', uid: string, summary: string) => {
  const time = component === 'VEVENT' ? 'DTSTART:20240301T100000Z\r\nDTEND:20240301T110000Z' : 'DUE:20240301T100000Z'
  return `BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:${component}\r\nUID:${uid}\r\nSUMMARY:${summary}\r\n${time}\r\nEND:${component}\r\nEND:VCALENDAR\r\n`
}

describe('calendar and tasks', () => {
  const type = 'text/calendar'

  it('[IT-1] a phone keeps both in one store: the component decides, and both come back to it', async () => {
    const phone = deviceOf('calendar', 'phone', { type })
    phone.add(ical('VEVENT', 'e1', 'Meet'))
    phone.add(ical('VTODO', 't1', 'Buy'))
    expect((await phone.sync()).statuses).toEqual([201, 201])
    expect(await bench.query('SELECT count(*) FROM calendar')).toEqual([[1n]])
    expect(await bench.query('SELECT count(*) FROM tasks')).toEqual([[1n]])
    const tasks = deviceOf('tasks', 'pc', { type })
    tasks.add(ical('VTODO', 't2', 'Sell'))
    await tasks.sync()
    expect(tasks.contents()).toEqual([ical('VTODO', 't1', 'Buy'), ical('VTODO', 't2', 'Sell')])
    await phone.sync()
    expect(phone.contents()).toHaveLength(3)
  })

  it('[IT-1] a device that synchronizes both apart gets none twice', async () => {
    const tasks = deviceOf('tasks', 'pc', { type })
    tasks.add(ical('VTODO', 't1', 'Buy'))
    await tasks.sync()
    const calendar = deviceOf('calendar', 'pc', { type })
    calendar.add(ical('VEVENT', 'e1', 'Meet'))
    await calendar.sync()
    expect(calendar.contents()).toEqual([ical('VEVENT', 'e1', 'Meet')])
    const both = deviceOf('calendar+todo', 'phone', { type })
    await both.sync()
    expect(both.contents()).toHaveLength(2)
  })
})

const cap = (ctType: string, verCt: string, names: readonly string[]): CtCap => ({
  ctType,
  verCt,
  properties: names.map((propName) => ({ propName, valEnums: [], params: [] })),
})

function described(ctType: string, verCt: string, names: readonly string[]): DevInfDataStore {
  const type = { ctType, verCt }
  return {
    sourceRef: './c',
    rxPref: type,
    rx: [],
    txPref: type,
    tx: [],
    ctCaps: [cap(ctType, verCt, names)],
    syncCap: [1, 2],
  }
}

const RICH =
  'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Løvelace;Ada;;;\r\nFN:Ada Løvelace\r\nTEL;TYPE=CELL:+1\r\nEMAIL:a@example.org\r\nX-SPOUSE:Bill\r\nNOTE:long\\, note\r\nEND:VCARD\r\n'

describe('a poor device', () => {
  const names = ['BEGIN', 'END', 'VERSION', 'N', 'TEL']
  const poor = (deviceId: string) =>
    deviceOf('contacts', deviceId, {
      type: 'text/x-vcard',
      client: { described: described('text/x-vcard', '2.1', names) },
    })
  const full = ['BEGIN', 'END', 'VERSION', 'N', 'FN', 'TEL', 'EMAIL', 'NOTE', 'X-SPOUSE']
  const rich = (deviceId: string) =>
    deviceOf('contacts', deviceId, { client: { described: described('text/vcard', '3.0', full) } })

  it('[IT-10] gets its own type and only what it can hold', async () => {
    const pc = rich('pc')
    pc.add(RICH)
    await pc.sync()
    const phone = poor('phone')
    const { received } = await phone.sync()
    expect(received.map(({ type }) => type)).toEqual(['text/x-vcard'])
    const [content = ''] = phone.contents()
    expect(content).toMatch(/VERSION:2\.1[\s\S]*TEL[^\r\n]*:\+1/)
    expect(content).not.toMatch(/EMAIL|NOTE|SPOUSE/)
    const [stored = ''] = (await bench.query('SELECT content FROM contacts')).map(String)
    expect(stored).toBe(RICH)
  })

  it('[IT-10] edits what it has, and what it cannot hold survives', async () => {
    const pc = rich('pc')
    pc.add(RICH)
    await pc.sync()
    const phone = poor('phone')
    await phone.sync()
    const [luid = ''] = phone.items.keys()
    phone.edit(luid, (phone.contents()[0] ?? '').replace('+1', '+2'))
    expect((await phone.sync()).statuses).toEqual([200])
    await pc.sync()
    const [content = ''] = pc.contents()
    expect(content).toMatch(/\+2/)
    expect(content).not.toMatch(/\+1/)
    for (const kept of ['a@example.org', 'Bill', 'long', 'Løvelace']) expect(content).toContain(kept)
    expect((await phone.sync()).received).toEqual([])
  })

  it('[IT-10] as it came to a device of the same abilities', async () => {
    const pc = rich('pc')
    const odd = RICH.replace('EMAIL:', 'email;x-odd=1:')
    pc.add(odd)
    await pc.sync()
    const other = rich('other')
    await other.sync()
    expect(other.contents()).toEqual([odd])
  })

  it('[IT-10] a field-level Replace changes only what it names', async () => {
    const pc = rich('pc')
    const luid = pc.add(RICH)
    await pc.sync()
    const datastore = bench.registry.find('contacts')
    const decision = await datastore?.decide(pc.client, { type: 200, last: 'n1', next: 'n2' })
    if (datastore === undefined || decision === undefined || decision.status !== 200) throw new Error('refused')
    const bytes = Buffer.from('BEGIN:VCARD\r\nVERSION:3.0\r\nTEL;TYPE=CELL:+3\r\nEND:VCARD\r\n')
    const change = {
      kind: 'put',
      command: 'Replace',
      luid,
      type: 'text/vcard',
      content: { kind: 'inline', bytes },
      fieldLevel: true,
    } as const
    expect((await datastore.apply(pc.client, decision.state, [change])).outcomes).toEqual([{ status: 200 }])
    const [stored = ''] = (await bench.query('SELECT content FROM contacts')).map(String)
    expect(stored).toContain('+3')
    expect(stored).not.toContain('+1')
    expect(stored).toContain('a@example.org')
  })
})
