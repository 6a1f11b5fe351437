/** Filters: their grammar, what they let through, and what a client gets and loses by them. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ItemFilter, SyncDatastore } from '../../../server/datastore/syncDatastore.ts'
import { FilterError, parseFilter } from '../../../server/items/parseFilter.ts'
import { type FilterSubject, passesFilter } from '../../../server/items/passesFilter.ts'
import { type ItemBench, openItemBench } from '../../support/itemBench.ts'
import { ItemDevice, vcard } from '../../support/itemDevice.ts'
import fc from '../../support/properties.ts'

const GRAMMAR = 'syncml:filtertype-cgi'

function passes(expression: string, properties: Record<string, string>, more: Partial<FilterSubject> = {}): boolean {
  const parsed = parseFilter(GRAMMAR, expression)
  const values = (name: string) => (name in properties ? [properties[name] ?? ''] : [])
  return parsed === undefined || passesFilter(parsed, { values, ...more })
}

function statusOf(expression: string, grammar = GRAMMAR): number {
  try {
    parseFilter(grammar, expression)
    return 200
  } catch (cause) {
    if (cause instanceof FilterError) return cause.status
    throw cause
  }
}

describe('the grammar', () => {
  const ada = { N: 'Lovelace;Ada', ORG: 'Engine Ltd', PRIORITY: '10' }
  it.each([
    ['ORG&EQ;Engine Ltd', true],
    ['org&EQ;Engine Ltd', true],
    ['ORG&EQ;engine ltd', false],
    ['ORG&iEQ;engine ltd', true],
    ['ORG&NE;Other', true],
    ['ORG&CON;gine', true],
    ['ORG&iNCON;ENGINE', false],
    ['PRIORITY&GT;9', true],
    ['PRIORITY&LE;9', false],
    ['TITLE&EQ;&NULL;', true],
    ['ORG&NE;&NULL;', true],
    ['&LUID;&EQ;17', true],
    ['ORG&CON;%45ngine%20Ltd', true],
    ['ORG&EQ;x&OR;N&CON;Ada', true],
    ['ORG&EQ;x&OR;N&CON;Ada&AND;PRIORITY&EQ;1', false],
    ['ORG&CON;Engine&OR;(ORG&EQ;x&AND;PRIORITY&EQ;1)', true],
    ['', true],
  ])('[IT-14] %s is %s', (expression, expected) => {
    expect(passes(expression, ada, { luid: '17' })).toBe(expected)
  })

  it('[IT-14] SINCE and BEFORE cut a window; what has no time is in it', () => {
    const event = { from: '20240301T100000Z', until: '20240301T110000Z' }
    expect(passes('SINCE&EQ;20240101T000000Z&AND;BEFORE&EQ;20240701T000000Z', {}, event)).toBe(true)
    expect(passes('SINCE&EQ;20240302T000000Z', {}, event)).toBe(false)
    expect(passes('BEFORE&EQ;20240301', {}, event)).toBe(false)
    expect(passes('SINCE&EQ;2024-03-01T10:30:00Z', {}, event)).toBe(true)
    expect(passes('SINCE&EQ;20300101T000000Z', {}, {})).toBe(true)
  })

  it.each([
    ['ORG', 422],
    ['ORG&EQ', 422],
    ['ORG&XX;a', 422],
    ['&EQ;a', 422],
    ['(ORG&EQ;a', 422],
    ['ORG&EQ;a)', 422],
    ['ORG&EQ;%E0%A4', 422],
    ['ORG&EQ;a&AND;', 422],
    [`${'('.repeat(100)}ORG&EQ;a`, 422],
  ])('[IT-14] %s is status %i', (expression, status) => {
    expect(statusOf(expression)).toBe(status)
  })

  it('[IT-14] another grammar is 415, the spelling of S60 is known', () => {
    expect(statusOf('ORG&EQ;a', 'syncml:filtertype-xpath')).toBe(415)
    expect(statusOf('ORG&EQ;a', 'syncml::filtertype-cgi')).toBe(200)
  })

  it('[IT-14] any text is read or refused', () => {
    const tokens = fc.array(
      fc.constantFrom('ORG', '&EQ;', '&AND;', '&OR;', '(', ')', '&', ';', '%41', '%', ' ', '&NULL;', 'x'),
    )
    fc.assert(
      fc.property(tokens, (list) => [200, 415, 422].includes(statusOf(list.join('')))),
      { numRuns: 2000 },
    )
  })
})

describe('a filter of a session', () => {
  let bench: ItemBench
  let contacts: SyncDatastore
  let phone: ItemDevice

  beforeEach(async () => {
    bench = await openItemBench()
    const found = bench.registry.find('contacts')
    if (found === undefined) throw new Error('no contacts')
    contacts = found
    const other = new ItemDevice(contacts, 'other')
    for (const [name, tel] of [
      ['Ada', '1'],
      ['Bob', '2'],
      ['Cyd', '1'],
    ] as const)
      other.add(vcard(name, tel))
    await other.sync()
    phone = new ItemDevice(contacts, 'phone')
  })
  afterEach(() => bench.close())

  const filter = (kind: ItemFilter['kind'], expression: string, grammar = GRAMMAR): { filter: ItemFilter } => ({
    filter: { kind, contentType: 'text/vcard', record: { grammar, expression } },
  })
  const names = () => phone.contents().map((content) => /FN:Test (\w+)/.exec(content)?.[1])

  it('[IT-14] inclusive: what is outside is not sent, and nothing is deleted', async () => {
    await phone.sync(200, filter('inclusive', 'TEL&EQ;1'))
    expect(names()).toEqual(['Ada', 'Cyd'])
    await phone.sync(200, filter('inclusive', 'TEL&EQ;2'))
    expect(names()).toEqual(['Ada', 'Bob', 'Cyd'])
  })

  it('[IT-14] exclusive: the device has exactly what passes, and the store keeps all', async () => {
    await phone.sync(200, filter('exclusive', 'TEL&EQ;1'))
    expect(names()).toEqual(['Ada', 'Cyd'])
    const { received } = await phone.sync(200, filter('exclusive', 'TEL&EQ;2'))
    expect(received.map(({ command }) => command).sort()).toEqual(['Add', 'Delete', 'Delete'])
    expect(names()).toEqual(['Bob'])
    await phone.sync(200)
    expect(names()).toEqual(['Ada', 'Bob', 'Cyd'])
    expect(await bench.query('SELECT id FROM contacts')).toHaveLength(3)
  })

  it('[IT-14] one that cannot be used is refused with its status', async () => {
    expect((await phone.sync(200, filter('inclusive', 'TEL'))).decision.status).toBe(422)
    expect((await phone.sync(200, filter('inclusive', 'TEL&EQ;1', 'sql'))).decision.status).toBe(415)
  })

  it('[IT-14] fields: the device gets the properties it asked for', async () => {
    const fields = { filter: { kind: 'inclusive', contentType: 'text/vcard', fields: ['ORG'] } as const }
    await phone.sync(200, fields)
    expect(phone.contents().every((content) => content.includes('FN:') && !content.includes('TEL'))).toBe(true)
  })
})
