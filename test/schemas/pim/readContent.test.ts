/** Reading what phones send: each oddity of the old formats, and bytes that want to do harm. */

import { describe, expect, it } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import type { Card } from '../../../schemas/pim/jscontact.ts'
import { contentKey } from '../../../schemas/pim/matchKey.ts'
import { readContent, scanContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'
import fc from '../../support/properties.ts'

const octetsOf = (text: string) => Buffer.from(text)
const card = (...lines: string[]) => octetsOf(`BEGIN:VCARD\r\n${lines.join('\r\n')}\r\nEND:VCARD\r\n`)
const calendar = (...lines: string[]) =>
  octetsOf(
    [
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'BEGIN:VEVENT',
      'DTSTART;TZID=Europe/Berlin:20260101T080000',
      ...lines,
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ].join('\r\n'),
  )
/** A word in one of its spellings. */
const spelling = (word: string, which: number) =>
  [...word].map((char, at) => ((which >> at) & 1 ? char.toUpperCase() : char)).join('')
const old = (...lines: string[]) => card('VERSION:2.1', ...lines)

function read(octets: Uint8Array): Card {
  const item = readContent('contact', 'text/x-vcard', octets)
  if (item.kind !== 'contact') throw new Error(`a ${item.kind}`)
  return item.card
}
const notesOf = (octets: Uint8Array) => Object.values(read(octets).notes ?? {}).map((note) => note.note)

describe('vCard 2.1 as phones send it', () => {
  it('[PIM-5] parameters stand without names, with them, or mixed', () => {
    const phones = read(old('N:A', 'TEL;CELL;PREF:1', 'TEL;TYPE=HOME,FAX:2', 'TEL;TYPE=WORK;VOICE:3')).phones
    expect(Object.values(phones ?? {})).toEqual([
      { number: '1', features: { mobile: true }, pref: 1 },
      { number: '2', contexts: { private: true }, features: { fax: true } },
      { number: '3', contexts: { work: true }, features: { voice: true } },
    ])
  })

  it('[PIM-4] quoted-printable with soft breaks, also before a blank and with hidden line breaks', () => {
    const note = 'NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:caf=C3=\r\n=A9=\r\n and=0D=0Amore=0D=0A=\r\nend'
    expect(notesOf(old('N:A', note))).toEqual(['café and\nmore\nend'])
    expect(notesOf(old('N:A', 'NOTE;QUOTED-PRINTABLE:100=25 =zz'))).toEqual(['100% =zz'])
  })

  it('[PIM-4] charsets: of the property, of the text, and none at all', () => {
    expect(notesOf(old('N:A', 'NOTE;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:Gr=FC=DFe'))).toEqual(['Grüße'])
    expect(notesOf(old('N:A', 'NOTE;CHARSET=windows-1251;QUOTED-PRINTABLE:=C8=E2=E0=ED'))).toEqual(['Иван'])
    expect(notesOf(old('N:A', 'NOTE;CHARSET=NO-SUCH;QUOTED-PRINTABLE:=C3=BC'))).toEqual(['ü'])
    expect(notesOf(Buffer.from(old('N:A', 'NOTE:Gr\u00fc\u00dfe').toString(), 'latin1'))).toEqual(['Grüße'])
    const both = Buffer.concat([
      Buffer.from('BEGIN:VCARD\r\nN;CHARSET=UTF-8:Zo\u00eb\r\n'),
      Buffer.from('NOTE:\u00fc\r\nEND:VCARD\r\n', 'latin1'),
    ])
    expect([read(both).name?.components?.[0]?.value, ...notesOf(both)]).toEqual(['Zoë', 'ü'])
  })

  it('[PIM-4] [PIM-5] base64 blocks end at an empty line or at the next property, indented or not', () => {
    const uri = 'data:image/jpeg;base64,AQIDBAUG'
    for (const block of [' AQID\r\n BAUG\r\n', 'AQID\r\nBAUG\r\n', ' AQIDBAUG']) {
      const found = read(old('N:A', `PHOTO;JPEG;ENCODING=BASE64:\r\n${block}`, 'TEL:1'))
      expect(found.media).toEqual({ 'photo-1': { kind: 'photo', uri, mediaType: 'image/jpeg' } })
      expect(found.phones).toEqual({ 'tel-1': { number: '1' } })
    }
  })

  it('[PIM-5] folding keeps its blank, bare LF and CR end lines, a line without a colon goes on', () => {
    expect(notesOf(old('N:A', 'NOTE:one\r\n two'))).toEqual(['one two'])
    expect(notesOf(octetsOf('BEGIN:VCARD\nVERSION:2.1\nN:A\nNOTE:x\nEND:VCARD'))).toEqual(['x'])
    expect(notesOf(octetsOf('BEGIN:VCARD\rVERSION:2.1\rN:A\rNOTE:x\rEND:VCARD\r'))).toEqual(['x'])
    expect(notesOf(old('N:A', 'NOTE:one', 'two and three'))).toEqual(['one\ntwo and three'])
    expect(notesOf(old('N:A', 'NOTE:see', 'here and there: x'))).toEqual(['see\nhere and there: x'])
  })

  it('[PIM-5] a backslash escapes delimiters only', () => {
    const found = read(old('N:O\\;Neil;C:\\new;', 'NOTE:C:\\new\\;x\\, y\\'))
    expect(found.name?.components?.map((part) => part.value)).toEqual(['O;Neil', 'C:\\new'])
    expect(found.notes?.['note-1']?.note).toBe('C:\\new;x, y\\')
  })

  it('[PIM-6] groups, private properties and an AGENT survive to 3.0 and back', () => {
    const agent = ['AGENT:', 'BEGIN:VCARD', 'VERSION:2.1', 'N:Agent;A', 'END:VCARD']
    const octets = old('N:A;B', 'item1.TEL;CELL:1', 'item1.X-ABLabel:mine', ...agent, 'UID:u')
    const back = [
      { type: 'text/vcard', version: '3.0' },
      { type: 'text/x-vcard', version: '2.1' },
    ].reduce((now: Uint8Array, format) => writeContent(readContent('contact', '', now), format), octets)
    expect(read(back).phones).toEqual(read(octets).phones)
    expect(read(back).vCardProps).toEqual(read(octets).vCardProps)
    expect(JSON.stringify(read(octets).vCardProps)).toContain('N:Agent;A')
  })
})

describe('bytes that want to do harm', () => {
  const codeOf = (octets: Uint8Array, kind: 'contact' | 'event' = 'contact'): string => {
    try {
      readContent(kind, '', octets)
      return 'read'
    } catch (error) {
      return error instanceof CodedError ? error.code : String(error)
    }
  }
  const many = (text: string, count: number) => text.repeat(count)

  it.each([
    ['nothing', octetsOf(''), 'content.invalid'],
    ['no card', octetsOf('hello'), 'content.invalid'],
    ['BEGIN without END', octetsOf('BEGIN:VCARD\r\nN:A\r\n'), 'content.invalid'],
    ['END of another', octetsOf('BEGIN:VCARD\r\nN:A\r\nEND:VEVENT\r\n'), 'content.invalid'],
    ['a calendar', octetsOf('BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n'), 'content.invalid'],
    ['100,000 parameters', card(`TEL${many(';A=B', 100_000)}:1`), 'protocol.too-large'],
    ['1,000 short parameters', card(`TEL${many(';A=B', 1000)}:1`), 'protocol.too-large'],
    ['100,000 properties', card(...Array<string>(100_000).fill('TEL:1')), 'protocol.too-large'],
    ['100,000 components of a name', card(`N:${many(';', 100_000)}`), 'protocol.too-large'],
    ['100,000 nested components', octetsOf(many('BEGIN:VCARD\r\n', 100_000)), 'protocol.too-large'],
    ['100,000 nested agents', octetsOf(many('BEGIN:VCARD\r\nAGENT:\r\n', 100_000)), 'protocol.too-large'],
    ['20 MB', Buffer.alloc(20 * 1024 * 1024, 'x'), 'protocol.too-large'],
  ])('[PIM-1] [PIM-2] %s', (_, octets, code) => {
    expect(codeOf(octets)).toBe(code)
  })

  it('[PIM-1] time is linear in what was sent', () => {
    const big = 1_000_000
    const hostile: Buffer[] = [
      octetsOf('A'.repeat(big)),
      card('VERSION:2.1', `NOTE:${'x'.repeat(big)}`),
      card('VERSION:3.0', `NOTE:${'\\'.repeat(big)}`),
      card('VERSION:2.1', `NOTE;QUOTED-PRINTABLE:${'=\r\n'.repeat(big / 3)}`),
      card('VERSION:2.1', `NOTE;QUOTED-PRINTABLE:x${'\r\n ='.repeat(big / 4)}`),
      card('VERSION:2.1', `NOTE:${'\r\n ='.repeat(big / 4)}`),
      card('VERSION:3.0', `NOTE:${'\r\n x'.repeat(big / 4)}`),
      card('VERSION:3.0', `NOTE:x\r\n${'y\r\n'.repeat(big / 3)}`),
      card('VERSION:2.1', `PHOTO;BASE64:${' '.repeat(big)}=`),
      card('VERSION:3.0', `X-A;B="${'"'.repeat(5000)}:1`, ...Array<string>(9000).fill('CATEGORIES:a,b,c')),
      card('VERSION:3.0', ...Array.from({ length: 9000 }, (_, i) => `TEL;TYPE=HOME:${i}`)),
      calendar(
        ...Array.from({ length: 9000 }, (_, i) => `EXDATE;TZID=${spelling('america/new_york', i)}:20260101T080000`),
      ),
      calendar(...Array.from({ length: 9000 }, () => 'RRULE:FREQ=DAILY;UNTIL=20260101T080000Z')),
      calendar(...Array.from({ length: 2000 }, () => 'BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM')),
      calendar(...Array.from({ length: 2000 }, (_, i) => `END:VEVENT\r\nBEGIN:VEVENT\r\nRECURRENCE-ID:${i}`)),
    ]
    for (const octets of hostile) {
      const before = process.cpuUsage()
      codeOf(octets, octets.includes('BEGIN:VEVENT') ? 'event' : 'contact')
      const spent = process.cpuUsage(before)
      expect((spent.user + spent.system) / 1000, octets.subarray(0, 120).toString()).toBeLessThan(15_000)
    }
  })

  it('[PIM-11] a card inside a card that is no AGENT does not tell its keys apart', () => {
    const octets = card('BEGIN:VCARD', 'ABEGIN:VCARD', 'END:VCARD')
    expect(scanContent('contact', '', octets).contentKey).toBe(contentKey(readContent('contact', '', octets)))
  })

  it('[PIM-2] whatever the bytes, only coded errors', () => {
    const piece = fc.constantFrom(
      'BEGIN:VCARD\r\n',
      'END:VCARD\r\n',
      'VERSION:2.1\r\n',
      'VERSION:3.0\n',
      'VERSION:4.0\r',
      'N:',
      ';',
      ':',
      '=',
      '\r\n ',
      'AGENT:\r\n',
      'BDAY:',
      'RRULE:W1',
      'TYPE=',
      '"',
      '\\',
      'ENCODING=BASE64',
      'QUOTED-PRINTABLE',
      '\u00e4',
      '__proto__',
      'constructor',
      'CHARSET=',
      'BEGIN:VEVENT\r\n',
      'END:VEVENT\r\n',
      'BEGIN:VCALENDAR\r\n',
      'END:VCALENDAR\r\n',
      'DTSTART;TZID=x:20260101T000000',
      'EXDATE:',
      ',',
      'photo',
      '2',
    )
    const soup = fc
      .array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 40 })
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom('BEGIN:VCARD\r\n', 'BEGIN:VCALENDAR\r\n', ''), soup, (head, body) => {
        const kind = head.includes('CAL') ? 'event' : 'contact'
        const end = head === '' ? '' : head.replace('BEGIN', '\r\nEND')
        const octets = octetsOf(head + body + end)
        let item: ReturnType<typeof readContent>
        try {
          item = readContent(kind, '', octets)
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError)
          return
        }
        const type =
          kind === 'event' ? { type: 'text/x-vcalendar', version: '1.0' } : { type: 'text/vcard', version: '4.0' }
        const written = writeContent(item, type)
        readContent(kind, '', written)
        expect(scanContent(kind, '', octets).contentKey).toBe(contentKey(item))
      }),
      { numRuns: 3000 },
    )
  })

  it('[PIM-2] a line break inside a value begins no property', () => {
    for (const name of [
      'BDAY',
      'REV',
      'URL',
      'TEL',
      'X-A',
      'NOTE',
      'N',
      'item1.TITLE',
      'PHOTO;VALUE=URL',
      'GEO',
      'CATEGORIES',
    ]) {
      const octets = old('N:A', `${name};ENCODING=QUOTED-PRINTABLE:1=0D=0AEND:VCARD=0ATEL:666`)
      for (const version of ['2.1', '3.0', '4.0']) {
        const item = readContent('contact', '', octets)
        const text = Buffer.from(writeContent(item, { type: 'text/vcard', version })).toString()
        expect(
          text.split(/\r?\n|\r/).filter((line) => /^(END|TEL:666)/.test(line)),
          `${name} ${version}`,
        ).toEqual(['END:VCARD'])
      }
    }
  })

  it('[PIM-2] a type that is none of the kind is named', () => {
    expect(() => readContent('contact', 'image/png', card('N:A'))).toThrow(
      expect.objectContaining({ code: 'protocol.unsupported-type' }),
    )
  })
})
