/** What the codec promises beside bytes: content types, codes, Meta, nonces, credentials, octets of Items. */

import { describe, expect, test } from 'vitest'
import {
  contentTypeOf,
  decodeMessage,
  encodedCommandSize,
  encodeMessage,
  encodingOf,
} from '../../../schemas/syncml/codec.ts'
import { isSuccess, STATUS } from '../../../schemas/syncml/codes.ts'
import { effectiveMeta } from '../../../schemas/syncml/effectiveMeta.ts'
import { itemOctets } from '../../../schemas/syncml/itemOctets.ts'
import type { ItemData, Message } from '../../../schemas/syncml/message.ts'
import { readCred, readMeta } from '../../../schemas/syncml/readMeta.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'
import { package1 } from '../../fixtures/syncml.ts'

const leaf = (name: string, value: string | Uint8Array) => ({ name, children: [], value })

describe('content types', () => {
  test.each([
    ['application/vnd.syncml+xml', 'xml'],
    ['Application/vnd.SyncML+WBXML; charset=UTF-8', 'wbxml'],
    ['text/xml', undefined],
    ['', undefined],
  ])('[WF-1] %s is %s', (type, encoding) => expect(encodingOf(type)).toBe(encoding))

  test('[WF-1] both encodings have one', () => {
    expect(encodingOf(contentTypeOf('xml'))).toBe('xml')
    expect(encodingOf(contentTypeOf('wbxml'))).toBe('wbxml')
  })
})

describe('Status codes', () => {
  test('[WF-1] what counts as success', () => {
    const successes = Object.values(STATUS).filter(isSuccess)
    expect(successes).toEqual([200, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 216, 419])
    expect([101, 215, 217, 299, 300, 418, 508].filter(isSuccess)).toEqual([299])
  })
})

describe('Meta', () => {
  test('[WF-1] an inner field overrides the outer one, field by field', () => {
    const sync = { meta: { format: 'b64', type: 'text/plain', size: 9 } }
    const command = { meta: { type: 'text/x-vcard' } }
    expect(effectiveMeta({ meta: effectiveMeta(sync, command) }, { meta: { size: 1 } })).toEqual({
      format: 'b64',
      type: 'text/x-vcard',
      size: 1,
    })
    expect(effectiveMeta({}, {})).toEqual({})
  })

  test.each<[string, string | Uint8Array, string | undefined, Uint8Array]>([
    ['base64 text', 'YWJjMTIz', 'b64', encodeUtf8('abc123')],
    ['base64 without Format', 'YWJjMTIz', undefined, encodeUtf8('abc123')],
    ['base64 in an opaque', encodeUtf8('YWJjMTIz'), 'b64', encodeUtf8('abc123')],
    ['raw octets', Uint8Array.of(0, 1, 254, 255), undefined, Uint8Array.of(0, 1, 254, 255)],
    ['raw octets under b64', Uint8Array.of(0, 1, 254, 255), 'b64', Uint8Array.of(0, 1, 254, 255)],
    ['text that is no base64', 'n0nce!', 'b64', encodeUtf8('n0nce!')],
  ])('[WF-6] a nonce as %s', (_, value, format, expected) => {
    const children = [leaf('NextNonce', value), ...(format === undefined ? [] : [leaf('Format', format)])]
    const meta = readMeta({ name: 'Chal', children: [{ name: 'Meta', children }] })
    expect(meta?.nextNonce).toEqual(expected)
  })

  test('[WF-6] an empty nonce is there and empty', () => {
    const nonce = { name: 'NextNonce', children: [] }
    const meta = readMeta({ name: 'Chal', children: [{ name: 'Meta', children: [nonce] }] })
    expect(meta?.nextNonce).toEqual(new Uint8Array(0))
  })

  test.each<[string, string | Uint8Array, ItemData]>([
    ['text', ' YWJj\n', { kind: 'text', text: 'YWJj' }],
    ['opaque base64', encodeUtf8('Zz6EivR3yeaaENcRN6lpAQ=='), { kind: 'text', text: 'Zz6EivR3yeaaENcRN6lpAQ==' }],
    ['16 raw octets', encodeUtf8('abcdefghijklmnop'), { kind: 'bytes', bytes: encodeUtf8('abcdefghijklmnop') }],
    ['other octets', Uint8Array.of(255, 0), { kind: 'bytes', bytes: Uint8Array.of(255, 0) }],
  ])('[WF-6] credentials as %s', (_, value, data) => {
    const cred = readCred({ name: 'SyncHdr', children: [{ name: 'Cred', children: [leaf('Data', value)] }] })
    expect(cred).toEqual({ data })
  })
})

describe('octets of an Item', () => {
  const bytes = Uint8Array.of(1, 2, 255)

  test.each<[ItemData, string | undefined, Uint8Array | undefined]>([
    [{ kind: 'bytes', bytes }, 'bin', bytes],
    [{ kind: 'bytes', bytes }, 'b64', bytes],
    [{ kind: 'text', text: 'AQL/' }, 'b64', bytes],
    [{ kind: 'text', text: 'AQ\r\nL/' }, 'b64', bytes],
    [{ kind: 'text', text: 'AQL' }, 'b64', undefined],
    [{ kind: 'text', text: 'é' }, undefined, encodeUtf8('é')],
    [{ kind: 'anchor', anchor: { next: '1' } }, undefined, undefined],
  ])('[WF-7] %j under %s', (data, format, octets) => expect(itemOctets(data, format)).toEqual(octets))
})

describe('large Items', () => {
  const large: Message = {
    ...package1.message,
    commands: [{ name: 'Add', cmdId: '1', items: [{ data: { kind: 'bytes', bytes: new Uint8Array(1024 * 1024) } }] }],
  }

  test('[WF-8] the size of a command costs no encoding of its octets', () => {
    // So many that no string could hold them as base64.
    const octets = 2 ** 30
    const bytes = new Uint8Array(octets)
    const command = { name: 'Add', cmdId: '1', items: [{ data: { kind: 'bytes', bytes } }] } as const
    expect(encodedCommandSize(command, 'wbxml', '1.2')).toBeGreaterThan(octets)
    expect(encodedCommandSize(command, 'xml', '1.2')).toBeGreaterThan((octets / 3) * 4)
  })

  test('[WF-4] 1 MiB of octets passes through XML as base64', () => {
    const read = decodeMessage(encodeMessage(large, 'xml'), 'xml').commands[0]
    const data = read?.name === 'Add' ? read.items[0]?.data : undefined
    expect(data && itemOctets(data, 'b64')).toEqual(new Uint8Array(1024 * 1024))
  })
})
