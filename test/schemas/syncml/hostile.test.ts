/** Input that means harm, or was cut or damaged: always a coded error, never a crash, a hang or a read beyond the input. */

import { describe, expect, test } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { MAX_MESSAGE_BYTES, MAX_XML_DEPTH } from '../../../schemas/limits.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../../schemas/syncml/message.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'
import { devInf, notification, package1 } from '../../fixtures/syncml.ts'
import { messageArbitrary } from '../../support/messageArbitrary.ts'
import fc from '../../support/properties.ts'

const CODES = ['protocol.malformed', 'protocol.too-large']

/** The code of the error, or undefined if the octets are a message; any other error fails the test. */
function outcome(octets: Uint8Array, encoding: Encoding): string | undefined {
  try {
    decodeMessage(octets, encoding)
    return undefined
  } catch (error) {
    if (!(error instanceof CodedError) || !CODES.includes(error.code)) throw error
    return error.code
  }
}

const rich: Message = {
  ...package1.message,
  commands: [
    ...package1.message.commands,
    { name: 'Put', cmdId: '2', items: [{ data: { kind: 'devInf', devInf: devInf.value } }] },
    {
      name: 'Sync',
      cmdId: '3',
      commands: [
        { name: 'Add', cmdId: '4', items: [{ data: { kind: 'text', text: 'N:é\r\n]]>' } }] },
        {
          name: 'Add',
          cmdId: '5',
          meta: { format: 'bin' },
          items: [{ data: { kind: 'bytes', bytes: new Uint8Array(9) } }],
        },
      ],
    },
    {
      name: 'Status',
      cmdId: '6',
      msgRef: '1',
      cmdRef: '0',
      cmd: 'SyncHdr',
      targetRefs: ['a'],
      sourceRefs: [],
      chal: { meta: { format: 'b64', type: 'syncml:auth-md5', nextNonce: new Uint8Array(5) } },
      data: 212,
      items: [],
    },
  ],
}

describe.each<Encoding>(['xml', 'wbxml'])('damaged %s', (encoding) => {
  const whole = encodeMessage(rich, encoding)

  test('[WF-3] every prefix is refused', () => {
    for (let length = 0; length < whole.length; length++) {
      expect(outcome(whole.subarray(0, length), encoding), `${length} octets`).toBeDefined()
    }
  })

  test('[WF-3] every octet changed in every bit is read or refused', () => {
    for (let at = 0; at < whole.length; at++) {
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = whole.slice()
        damaged[at] = (damaged[at] ?? 0) ^ flip
        outcome(damaged, encoding)
      }
    }
  })

  test('[WF-3] random octets and random damage are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => void outcome(octets, encoding)),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(messageArbitrary, fc.nat(), fc.uint8Array({ maxLength: 4 }), (message, at, octets) => {
        const damaged = encodeMessage(message, encoding).slice()
        damaged.set(octets, Math.min(at % damaged.length, damaged.length - octets.length))
        outcome(damaged, encoding)
      }),
      { numRuns: 200 },
    )
  })

  test('[WF-3] what is read out of damage can be written or is refused with a code', () => {
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice()
      damaged[at] = 1
      if (outcome(damaged, encoding) !== undefined) continue
      const message = decodeMessage(damaged, encoding)
      try {
        encodeMessage(message, encoding)
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError)
      }
    }
  })

  test('[WF-3] a message beyond the limit is refused before it is read', () => {
    expect(outcome(new Uint8Array(MAX_MESSAGE_BYTES + 1), encoding)).toBe('protocol.too-large')
  })
})

const SIZE = MAX_MESSAGE_BYTES - 200
const fill = (text: string) => text.repeat(Math.floor(SIZE / text.length))
const nested = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`

describe('hostile XML', () => {
  test.each([
    ['billion laughs', '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'],
    ['an external entity', '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'],
    ['a parameter entity', '<!DOCTYPE a SYSTEM "x" [<!ENTITY % p SYSTEM "http://h/">%p;]><a/>'],
    ['an internal subset behind a quoted bracket', '<!DOCTYPE a PUBLIC ">" [<!ENTITY b "c">]><a>&b;</a>'],
    ['a DOCTYPE after the root', '<a/><!DOCTYPE a>'],
    ['a declaration alone', '<!ENTITY b "c"><a/>'],
    ['a reserved name', '<__proto__><a/></__proto__>'],
    ['mismatched tags', '<a><b></a></b>'],
    ['two roots', '<SyncML/><SyncML/>'],
    ['a double attribute', '<a b="1" b="2"/>'],
    ['a control character', '<a>\u0001</a>'],
    ['UTF-16', '\ufffe<\0a\0'],
    ['text only', 'hello'],
  ])('[WF-3] %s is malformed', (_, xml) => expect(outcome(encodeUtf8(xml), 'xml')).toBe('protocol.malformed'))

  test('[WF-3] invalid UTF-8 is malformed', () => {
    expect(outcome(Uint8Array.of(0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e), 'xml')).toBe('protocol.malformed')
  })

  test.each([
    ['deep nesting', nested(MAX_XML_DEPTH + 1)],
    ['very deep nesting', '<a>'.repeat(1_000_000)],
    ['an attribute bomb', `<a ${Array.from({ length: 100_000 }, (_, i) => `a${i}="1"`).join(' ')}/>`],
    ['too many elements', `<a>${fill('<b/>')}</a>`],
    ['too many comments', `<a>${fill('<!---->')}</a>`],
  ])('[WF-3] %s is too large', (_, xml) => expect(outcome(encodeUtf8(xml), 'xml')).toBe('protocol.too-large'))

  test('[WF-3] the deepest nesting allowed is read', () => {
    expect(outcome(encodeUtf8(nested(MAX_XML_DEPTH)), 'xml')).toBe('protocol.malformed')
  })

  test.each([
    ['open comments', fill('<!--')],
    ['open CDATA sections', `<a>${fill('<![CDATA[')}`],
    ['open instructions', fill('<?x')],
    ['open tags', fill('<a ')],
    ['open quotes', `<a b="${fill("'")}`],
    ['ampersands', `<a>${fill('&')}</a>`],
    ['half references', `<a>${fill('&#')}</a>`],
    ['references', `<a>${fill('&#13;')}</a>`],
    ['brackets', `<a>${fill(']')}</a>`],
    ['blanks in a tag', `<a${fill(' ')}/>`],
    ['colons', `<${fill('a:')}a/>`],
    ['equals signs', `<a ${fill('=')}/>`],
    ['carriage returns', `<a>${fill('\r')}</a>`],
  ])('[WF-3] 4 MiB of %s come to an end', (_, xml) => {
    expect(outcome(encodeUtf8(xml), 'xml')).toBeDefined()
  })
})

/** Octets of a WBXML document: header, then `body`. */
const wbxml = (body: string, header = '02 a401 6a 00') =>
  new Uint8Array(Buffer.from((header + body).replaceAll(' ', ''), 'hex'))

describe('hostile WBXML', () => {
  test.each([
    ['an unknown version', wbxml('6d 12 01', '04 a401 6a 00')],
    ['a string table longer than the input', wbxml('6d 12 01', '02 a401 6a 7f')],
    ['an opaque longer than the input', wbxml('6d c3 8fffffff7f 01 01')],
    ['a six octet integer', wbxml('6d c3 8180808080 00 01')],
    ['an integer of more than 32 bits', wbxml('6d c3 9080808000 01')],
    ['a string table offset out of range', wbxml('6d 57 83 05 01 01', '02 a401 6a 02 61 00')],
    ['a tag name out of range', wbxml('6d 44 09 01 01', '02 a401 6a 02 61 00')],
    ['a public identifier out of range', wbxml('6d 12 01', '02 00 05 6a 00')],
    ['an unterminated string', wbxml('6d 57 03 6161')],
    ['an entity that is no character', wbxml('6d 57 02 83b000 01 01')],
    ['an entity beyond Unicode', wbxml('6d 57 02 c5808000 01 01')],
    ['END without an element', wbxml('01')],
    ['text before the root', wbxml('03 61 00 6d 01')],
    ['two roots', wbxml('6d 12 01 6d 12 01')],
    ['an unknown root', wbxml('7f 01')],
    ['a device information document', devInf.wbxml],
  ])('[WF-3] %s is malformed', (_, octets) => expect(outcome(octets, 'wbxml')).toBe('protocol.malformed'))

  test.each([
    ['a large string table', wbxml('6d 12 01', '02 a401 6a 818001')],
    ['deep nesting', wbxml('6d '.repeat(1_000_000))],
    ['too many elements', wbxml(`6d ${'12'.repeat(1_000_000)} 01`)],
    ['too many unknown elements', wbxml(`6d ${'3f'.repeat(1_000_000)} 01`)],
    ['an attribute bomb', wbxml(`ed ${'05'.repeat(1_000_000)} 01`)],
    [
      'a string table named a million times',
      wbxml(`6d 57 ${'8300'.repeat(1_000_000)} 01 01`, `02 a401 6a ff7f ${'61'.repeat(0x3fff)}`),
    ],
  ])('[WF-3] %s is too large', (_, octets) => expect(outcome(octets, 'wbxml')).toBe('protocol.too-large'))

  test('[WF-3] device information nested in itself is not followed', () => {
    let inner = devInf.wbxml
    for (let i = 0; i < 1000; i++)
      inner = Uint8Array.of(...wbxml('4a 4a c3', '02 a403 6a 00'), 0x83, 0x7f, ...inner.subarray(0, 511))
    const message: Message = {
      ...package1.message,
      commands: [
        { name: 'Put', cmdId: '1', items: [{ meta: { format: 'bin' }, data: { kind: 'bytes', bytes: inner } }] },
      ],
    }
    expect(decodeMessage(encodeMessage(message, 'wbxml'), 'wbxml')).toEqual(message)
  })
})

describe('what no answer can do without', () => {
  const xml = new TextDecoder().decode(encodeMessage(rich, 'xml'))

  test.each(['SessionID', 'MsgID', 'CmdID', 'CmdRef', 'MsgRef', 'Cmd', 'Source', 'Target'])(
    '[WF-3] without %s',
    (name) => {
      const without = xml.replace(new RegExp(`<${name}>.*?</${name}>`), '')
      const lenient = name === 'CmdRef' ? undefined : 'protocol.malformed'
      expect(without).not.toBe(xml)
      expect(outcome(encodeUtf8(without), 'xml')).toBe(lenient)
    },
  )

  test('[WF-3] an id of 2000 characters is too large', () => {
    const long = { ...notification.message, header: { ...notification.message.header, sessionId: 'x'.repeat(2000) } }
    expect(outcome(encodeMessage(long, 'xml'), 'xml')).toBe('protocol.too-large')
  })
})
