/** Edits of poor devices against what we hold. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { UniversalItem } from '../../../schemas/pim/content.ts'
import { sameContent } from '../../../schemas/pim/matchKey.ts'
import { mergeEdit } from '../../../schemas/pim/mergeEdit.ts'
import { readContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'
import type { DevInfProperty } from '../../../schemas/syncml/message.ts'
import { readMessage } from '../../../schemas/syncml/readMessage.ts'
import { decodeXml } from '../../../schemas/syncml/xml.ts'
import { sharedDir } from '../../support/sharedDir.ts'
import { generatedItems } from './captured.ts'

const property = (propName: string, more: Partial<DevInfProperty> = {}): DevInfProperty => ({
  propName,
  valEnums: [],
  params: [],
  ...more,
})
const kinds = (...valEnums: string[]) => ({ params: [{ paramName: 'TYPE', valEnums }] })

/** A small phone: two numbers of three kinds, a short note, no address, no picture. */
const phone: readonly DevInfProperty[] = [
  property('VERSION', { valEnums: ['2.1'] }),
  property('N'),
  property('TEL', { maxOccur: 2, ...kinds('HOME', 'WORK', 'CELL') }),
  property('EMAIL'),
  property('NOTE', { maxSize: 10 }),
]

const rich = `BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u-1\r\nN:Doe;Ann;;;\r\nFN:Ann Doe\r\nTEL;TYPE=CELL,X-VIDEO:1\r\nTEL;TYPE=WORK;X-EXT=7:2\r\nTEL;TYPE=HOME:3\r\nEMAIL:a@example.org\r\nADR;TYPE=HOME:;;Main St;Town;;;\r\nNOTE:0123456789abc\r\nPHOTO;ENCODING=b;TYPE=PNG:AQID\r\nX-MINE:1\r\nEND:VCARD\r\n`
const held = readContent('contact', 'text/vcard', Buffer.from(rich))

function card(...lines: string[]): UniversalItem {
  return readContent(
    'contact',
    'text/x-vcard',
    Buffer.from(`BEGIN:VCARD\r\nVERSION:2.1\r\n${lines.join('\r\n')}\r\nEND:VCARD\r\n`),
  )
}
const linesOf = (item: UniversalItem, type = 'text/vcard', version = '3.0') =>
  Buffer.from(writeContent(item, { type, version })).toString().split('\r\n')

describe('what a device is given', () => {
  it('[PIM-12] only what it can hold, as many and as long as it says', () => {
    const sent = Buffer.from(writeContent(held, { type: 'text/x-vcard', version: '2.1', properties: phone })).toString()
    expect(sent.split('\r\n')).toEqual([
      'BEGIN:VCARD',
      'VERSION:2.1',
      'N:Doe;Ann;;;',
      'TEL;CELL:1',
      'TEL;X-EXT=7;WORK:2',
      'EMAIL:a@example.org',
      'NOTE:0123456789',
      'END:VCARD',
      '',
    ])
  })

  it('[PIM-12] pictures are left out or whole, N and FN made of each other, X-* is all private ones', () => {
    const photo = (maxSize: number) =>
      writeContent(held, {
        type: 'text/vcard',
        version: '3.0',
        properties: [property('PHOTO', { maxSize }), property('X-*')],
      })
    expect(Buffer.from(photo(256)).toString()).toContain('PHOTO;TYPE=PNG;ENCODING=b:AQID')
    const large = readContent('contact', '', Buffer.from(rich.replace('AQID', 'AQID'.repeat(1000))))
    const written = writeContent(large, {
      type: 'text/vcard',
      version: '3.0',
      properties: [property('PHOTO', { maxSize: 2000 }), property('X-*')],
    })
    expect(Buffer.from(written).toString().split('\r\n')).toEqual([
      'BEGIN:VCARD',
      'VERSION:3.0',
      'N:Doe;Ann;;;',
      'FN:Ann Doe',
      'X-MINE:1',
      'END:VCARD',
      '',
    ])
    expect(linesOf(card('N:Roe;Rik')).slice(2, 4)).toEqual(['FN:Rik Roe', 'N:Roe;Rik;;;'])
    expect(linesOf(card('FN:Rik Roe'), 'text/x-vcard', '2.1')).toContain('N:Rik Roe;;;;')
  })
})

describe('what comes back', () => {
  const returned = ['N:Doe;Ann;;;', 'TEL;CELL:1', 'TEL;WORK;X-EXT=7:2', 'EMAIL:a@example.org', 'NOTE:0123456789']
  const options = { dialect: 'vcard2.1' as const }

  it('[PIM-13] what a device only returned changes nothing', () => {
    expect(sameContent(mergeEdit(held, card(...returned), phone, options), held)).toBe(true)
    expect(linesOf(mergeEdit(held, card(...returned), phone, options)).sort()).toEqual(linesOf(held).sort())
  })

  it('[PIM-13] what it could not know survives, what it left out is deleted, what it changed is changed', () => {
    const merged = linesOf(mergeEdit(held, card('N:Doe;Anna;;;', 'TEL;CELL:11', 'NOTE:new'), phone, options))
    expect(merged).toEqual(
      expect.arrayContaining([
        'N:Doe;Anna;;;',
        'TEL;TYPE=CELL,X-VIDEO:11',
        'NOTE:new',
        'TEL;TYPE=HOME:3',
        'UID:u-1',
        'X-MINE:1',
      ]),
    )
    expect(merged.filter((line) => /^(ADR|PHOTO)/.test(line))).toHaveLength(2)
    expect(merged.some((line) => /^(EMAIL|TEL;TYPE=WORK)/.test(line))).toBe(false)
  })

  it('[PIM-13] a parameter it has no word for stays with the value it changed', () => {
    expect(linesOf(mergeEdit(held, card('N:Doe;Ann;;;', 'TEL;CELL:1', 'TEL;WORK:22'), phone, options))).toContain(
      'TEL;X-EXT=7;TYPE=WORK:22',
    )
  })

  it('[PIM-13] an empty property deletes, a missing UID does not', () => {
    const merged = linesOf(mergeEdit(held, card('N:Doe;Ann;;;', 'TEL;CELL:1', 'EMAIL:', 'NOTE:'), phone, options))
    expect(merged.some((line) => /^(EMAIL|NOTE)/.test(line))).toBe(false)
    expect(merged).toContain('UID:u-1')
  })

  it('[PIM-13] without CTCap only basic properties are deleted', () => {
    const merged = linesOf(mergeEdit(held, card('N:Doe;Ann;;;', 'TEL;CELL;X-VIDEO:1'), undefined, options))
    expect(merged.some((line) => /^(EMAIL|NOTE|ADR)/.test(line))).toBe(false)
    expect(merged.filter((line) => /^(PHOTO|X-MINE)/.test(line))).toHaveLength(2)
  })

  it('[PIM-13] a field-level Replace changes what it names', () => {
    const merged = linesOf(mergeEdit(held, card('EMAIL:b@example.org', 'NOTE:'), phone, { ...options, partial: true }))
    expect(merged).toContain('EMAIL:b@example.org')
    expect(merged.filter((line) => line.startsWith('TEL'))).toHaveLength(3)
    expect(merged.some((line) => line.startsWith('NOTE'))).toBe(false)
  })

  it.skipIf(sharedDir === undefined)('[PIM-13] generated contacts lose nothing at a phone that returns them', () => {
    for (const octets of generatedItems('--count', '100', '--photo-every', '9')) {
      const item = readContent('contact', '', octets)
      const at = writeContent(item, { type: 'text/x-vcard', version: '2.1', properties: phone })
      expect(sameContent(mergeEdit(item, readContent('contact', '', at), phone, options), item)).toBe(true)
    }
  })

  it.skipIf(sharedDir === undefined)(
    '[PIM-13] what SyncEvolution returned in a capture, by its own CTCap, is not an edit',
    () => {
      const folder = join(sharedDir ?? '', 'captures/syncevolution/xml-md5-slow-first')
      const message = (name: string) => readMessage(decodeXml(readFileSync(join(folder, name))))
      const devInf = message('01-request.xml').commands.flatMap((command) =>
        command.name === 'Put' ? command.items : [],
      )[0]?.data
      const ctCaps = devInf?.kind === 'devInf' ? devInf.devInf.dataStores[0]?.ctCaps : undefined
      const capabilities = ctCaps?.find(({ verCt }) => verCt === '3.0')?.properties
      const sync = message('02-request.xml').commands.find((command) => command.name === 'Sync')
      const adds = sync?.commands.flatMap((command) => (command.name === 'Add' ? command.items : [])) ?? []
      expect([capabilities?.length, adds.length]).toEqual([72, 9])
      const generated = generatedItems('--count', '12', '--photo-every', '0')
      for (const { source, data } of adds) {
        const ours = generated[Number(/\d+/.exec(source?.locUri ?? '')?.[0]) - 1] ?? Buffer.of()
        const text = data?.kind === 'text' ? data.text.replace(/^PHOTO.*\r\n( .*\r\n)*/m, '') : ''
        const [item, edited] = [ours, Buffer.from(text)].map((octets) => readContent('contact', '', octets))
        const merged = item && edited && mergeEdit(item, edited, capabilities, { dialect: 'vcard3.0' })
        expect(merged && item && sameContent(merged, item), text).toBe(true)
        expect(merged).toMatchObject({ card: { uid: expect.stringContaining('lab-1-') } })
      }
    },
  )

  it('[PIM-1] time is linear in what is merged', () => {
    const list = Array.from({ length: 9000 }, (_, i) => `TEL;HOME:${i}`)
    const [before, after] = [card(...list), card(...list.map((line) => `${line}9`))]
    const start = process.cpuUsage()
    mergeEdit(before, after, [property('TEL')], options)
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(15_000)
  })
})

describe('calendars, notes and files', () => {
  const event = (...lines: string[]) =>
    ['BEGIN:VCALENDAR', 'VERSION:2.0', 'BEGIN:VEVENT', ...lines, 'END:VEVENT', 'END:VCALENDAR', ''].join('\r\n')
  const alarm = ['BEGIN:VALARM', 'ACTION:DISPLAY', 'DESCRIPTION:x', 'TRIGGER:-PT15M', 'END:VALARM']
  const full = readContent(
    'event',
    '',
    Buffer.from(
      event(
        'UID:e',
        'SUMMARY:s',
        'DTSTART:20260101T080000Z',
        'DTEND:20260101T090000Z',
        'ATTENDEE:mailto:a@x.example',
        'LOCATION:here',
        'RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5',
        ...alarm,
      ),
    ),
  )
  const caps = ['SUMMARY', 'DTSTART', 'DTEND', 'LOCATION', 'RRULE', 'DALARM'].map((name) => property(name))
  const options = { dialect: 'vcal1.0' as const }

  it('[PIM-8] [PIM-13] an event that a phone returns as vCalendar 1.0 is the same', () => {
    const at = writeContent(full, { type: 'text/x-vcalendar', version: '1.0', properties: caps })
    expect(Buffer.from(at).toString()).toContain('RRULE:W1 MO #5')
    const merged = mergeEdit(full, readContent('event', '', at), caps, options)
    const lines = linesOf(merged, 'text/calendar', '2.0')
    expect(lines).toEqual(
      expect.arrayContaining(['ATTENDEE:mailto:a@x.example', 'RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO', 'UID:e']),
    )
    expect(lines.some((line) => line.startsWith('TRIGGER'))).toBe(true)
  })

  it('[PIM-13] a phone that knows no alarms keeps ours, one that does deletes them', () => {
    const edited = readContent(
      'event',
      '',
      Buffer.from(event('SUMMARY:t', 'DTSTART:20260101T080000Z', 'DTEND:20260101T090000Z')),
    )
    const poor = caps.filter(({ propName }) => propName !== 'DALARM')
    expect(linesOf(mergeEdit(full, edited, poor), 'text/calendar', '2.0')).toEqual(
      expect.arrayContaining(['SUMMARY:t', 'TRIGGER:-PT15M']),
    )
    const merged = linesOf(mergeEdit(full, edited, caps), 'text/calendar', '2.0')
    expect(merged.some((line) => /TRIGGER|LOCATION/.test(line))).toBe(false)
  })

  it('[PIM-13] a rename keeps the body of a file, flags keep the mail', () => {
    const file = (name: string, body?: Uint8Array): UniversalItem => ({
      kind: 'file',
      file: { name, fields: {}, ...(body && { body }) },
    })
    expect(mergeEdit(file('a', Buffer.from('x')), file('b'), undefined)).toEqual(file('b', Buffer.from('x')))
    const email = (read: string, emailitem?: Uint8Array): UniversalItem => ({
      kind: 'email',
      email: { fields: { read }, ...(emailitem && { emailitem }) },
    })
    expect(mergeEdit(email('false', Buffer.from('x')), email('true'), undefined)).toEqual(
      email('true', Buffer.from('x')),
    )
  })
})
