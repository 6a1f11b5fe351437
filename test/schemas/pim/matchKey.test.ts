/** Items that are the same through different formats, and items that are not. */

import { describe, expect, it } from 'vitest'
import { contentKey, matchKey, sameContent } from '../../../schemas/pim/matchKey.ts'
import { readContent, scanContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'
import { sharedDir } from '../../support/sharedDir.ts'
import { capturedItems, generatedItems } from './captured.ts'

const card = (version: string, ...lines: string[]) =>
  Buffer.from(`BEGIN:VCARD\r\nVERSION:${version}\r\n${lines.join('\r\n')}\r\nEND:VCARD\r\n`)
const scan = (octets: Uint8Array) => scanContent('contact', '', octets)

describe('the same item', () => {
  it('[PIM-10] [PIM-11] through versions, order, folding, charset, stamps, TYPE and empty properties', () => {
    const forms = [
      card(
        '3.0',
        'N:Müller;Zoë;;;',
        'FN:Zoë Müller',
        'TEL;TYPE=home,VOICE:1',
        'NOTE:a\\, b\\nc',
        'ORG:X;Y',
        'BDAY:19800102',
        'PHOTO;ENCODING=b;TYPE=PNG:AQID',
      ),
      card(
        '3.0',
        'REV:20100328T103410Z',
        'PRODID:x',
        'UID:7',
        'PHOTO;ENCODING=b:AQ\r\n ID',
        'BDAY:1980-01-02',
        'TITLE:',
        'ORG:X;Y;;',
        'NOTE:a\\, \r\n b\\nc',
        'TEL;TYPE=VOICE;TYPE=HOME:1',
        'FN:Zoë Müller',
        'N:Müller;Zoë',
      ),
      card(
        '2.1',
        'N;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;Zo=EB',
        'FN:Zoë Müller',
        'TEL;HOME;VOICE:1',
        'NOTE;QUOTED-PRINTABLE:a, b=0D=0Ac',
        'ORG:X;Y',
        'BDAY:19800102',
        'PHOTO;PNG;BASE64:\r\n AQID\r\n',
      ),
      card(
        '4.0',
        'N:Müller;Zoë;;;',
        'FN:Zoë Müller',
        'TEL;TYPE=home;VALUE=uri:tel:1',
        'NOTE:a\\, b\\nc',
        'ORG:X;Y',
        'BDAY:19800102',
        'PHOTO:data:image/png;base64,AQID',
      ),
    ]
    expect(new Set(forms.map((octets) => scan(octets).contentKey)).size).toBe(1)
    expect(new Set(forms.map((octets) => scan(octets).matchKey))).toEqual(new Set(['müller zoë|x']))
  })

  it.skipIf(sharedDir === undefined)(
    '[PIM-10] [PIM-11] keys of bytes, of items, and of items through other versions agree',
    () => {
      const contacts = [...generatedItems('--count', '100'), ...generatedItems('--count', '100', '--version', '2.1')]
      for (const octets of [
        ...contacts,
        ...capturedItems()
          .filter(({ kind }) => kind === 'contact')
          .map((item) => item.octets),
      ]) {
        const [keys, item] = [scan(octets), readContent('contact', '', octets)]
        expect({ matchKey: matchKey(item), contentKey: contentKey(item) }).toEqual(keys)
        const written = ['2.1', '3.0', '4.0'].map(
          (version) => scan(writeContent(item, { type: 'text/vcard', version })).matchKey,
        )
        expect(new Set(written)).toEqual(new Set([keys.matchKey]))
      }
      for (const octets of generatedItems('--count', '60', '--kind', 'event')) {
        const [keys, item] = [scanContent('event', '', octets), readContent('event', '', octets)]
        expect({ matchKey: matchKey(item), contentKey: contentKey(item) }).toEqual(keys)
        const old = scanContent('event', '', writeContent(item, { type: 'text/x-vcalendar', version: '1.0' }))
        expect(old.matchKey).toBe(keys.matchKey)
      }
    },
  )

  it.skipIf(sharedDir === undefined)('[PIM-10] the two versions of the generator are the same people', () => {
    const pairs = [generatedItems('--count', '100'), generatedItems('--count', '100', '--version', '2.1')]
    expect(pairs[0]?.map((octets) => scan(octets).matchKey)).toEqual(pairs[1]?.map((octets) => scan(octets).matchKey))
  })
})

describe('other items', () => {
  const base = ['N:A;B', 'TEL;TYPE=HOME:1', 'CATEGORIES:x,y']
  it.each([
    ['another number', ['N:A;B', 'TEL;TYPE=HOME:2', 'CATEGORIES:x,y']],
    ['another kind', ['N:A;B', 'TEL;TYPE=WORK:1', 'CATEGORIES:x,y']],
    ['one category less', ['N:A;B', 'TEL;TYPE=HOME:1', 'CATEGORIES:x']],
    ['two numbers', ['N:A;B', 'TEL;TYPE=HOME:1', 'TEL;TYPE=HOME:1', 'CATEGORIES:x,y']],
    ['a component moved', ['N:;A;B', 'TEL;TYPE=HOME:1', 'CATEGORIES:x,y']],
  ])('[PIM-11] %s is another content', (_, lines) => {
    const [a, b] = [readContent('contact', '', card('3.0', ...base)), readContent('contact', '', card('3.0', ...lines))]
    expect(sameContent(a, b)).toBe(false)
    expect(contentKey(a)).not.toBe(contentKey(b))
  })

  it('[PIM-10] without a name: organization, mail, number; notes by title, bookmarks by URL', () => {
    const keys = [['ORG:The  Firm'], ['EMAIL:A@B.example'], ['TEL:+1 (2) 3'], ['X-A:1']].map(
      (lines) => scan(card('3.0', ...lines)).matchKey,
    )
    expect(keys).toEqual(['|the firm', '@a@b.example', '#+123', ''])
    expect(scanContent('note', 'text/plain', Buffer.from('\r\nThe Title\r\nbody')).matchKey).toBe('the title')
    expect(scanContent('bookmark', 'text/uri-list', Buffer.from('# t\r\nhttp://a.example\r\n')).matchKey).toBe(
      'http://a.example',
    )
  })
})
