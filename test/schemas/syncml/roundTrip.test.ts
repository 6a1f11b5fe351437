/** Random messages through both encodings. fast-check prints seed and path of a failure. */

import { describe, expect, test } from 'vitest'
import { toBase64 } from '../../../schemas/syncml/base64.ts'
import { decodeMessage, encodedCommandSize, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Encoding, Message } from '../../../schemas/syncml/message.ts'
import { messageArbitrary } from '../../support/messageArbitrary.ts'
import fc from '../../support/properties.ts'

/** What an XML reader sees of a value: octets are base64 text. */
function asXmlSeesIt(value: unknown): unknown {
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(asXmlSeesIt)
  if (typeof value !== 'object' || value === null) return value
  const data = value as { kind?: string; bytes?: Uint8Array }
  if (data.kind === 'bytes' && data.bytes) return { kind: 'text', text: toBase64(data.bytes) }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, asXmlSeesIt(inner)]))
}

describe('random messages', () => {
  test('[WF-1] a message written in WBXML is read as the same message', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        expect(decodeMessage(encodeMessage(message, 'wbxml'), 'wbxml')).toEqual(message)
      }),
      { numRuns: 300 },
    )
  })

  test('[WF-1] a message written in XML is read as the same message, octets as base64', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        expect(decodeMessage(encodeMessage(message, 'xml'), 'xml')).toEqual(asXmlSeesIt(message))
      }),
      { numRuns: 300 },
    )
  })

  test('[WF-1] XML and WBXML of one message are read alike', () => {
    fc.assert(
      fc.property(messageArbitrary, (message) => {
        const fromWbxml = decodeMessage(encodeMessage(message, 'wbxml'), 'wbxml')
        expect(asXmlSeesIt(fromWbxml)).toEqual(decodeMessage(encodeMessage(message, 'xml'), 'xml'))
      }),
      { numRuns: 200 },
    )
  })

  test.each<Encoding>(['xml', 'wbxml'])(
    '[WF-8] the size of a command in %s is what it adds to a message',
    (encoding) => {
      const sizeOf = (message: Message) => encodeMessage(message, encoding).length
      fc.assert(
        fc.property(messageArbitrary, (message) => {
          const closed = { ...message, final: true }
          const bound = message.commands.reduce(
            (sum, command) => sum + encodedCommandSize(command, encoding, '1.2'),
            sizeOf({ ...closed, commands: [] }),
          )
          expect(sizeOf(closed)).toBeLessThanOrEqual(bound)
          expect(sizeOf(message)).toBeLessThanOrEqual(bound)
          expect(bound - sizeOf(closed)).toBeLessThanOrEqual(2 * message.commands.length)
        }),
        { numRuns: 200 },
      )
    },
  )

  test.each<Encoding>(['xml', 'wbxml'])('[WF-8] a Sync in %s is the sum of itself and what it contains', (encoding) => {
    fc.assert(
      fc.property(messageArbitrary, ({ commands }) => {
        const sync = { name: 'Sync', cmdId: '1', commands } as const
        const whole = encodedCommandSize(sync, encoding, '1.2')
        const parts = commands.map((command) => encodedCommandSize(command, encoding, '1.2'))
        const sum = parts.reduce((a, b) => a + b, encodedCommandSize({ ...sync, commands: [] }, encoding, '1.2'))
        expect(whole).toBeLessThanOrEqual(sum)
        expect(sum - whole).toBeLessThanOrEqual(2 * commands.length)
      }),
      { numRuns: 100 },
    )
  })
})
