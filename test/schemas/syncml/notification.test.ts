/** Package 0 against the worked example of the standard, a real package of Nokia's, and anything. Rule WF-15. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import {
  contentTypeNumber,
  decodeNotification,
  encodeNotification,
  type Notification,
  verifyNotification,
} from '../../../schemas/syncml/notification.ts'
import fc from '../../support/properties.ts'
import { sharedDir } from '../../support/sharedDir.ts'

const secret = { password: 'srvpass', nonce: new TextEncoder().encode('san-nonce') }
const example: Notification = {
  version: 12,
  uiMode: 'background',
  initiator: 'server',
  sessionId: 1,
  serverId: 'example-server',
  syncs: [
    { type: 206, contentType: contentTypeNumber('text/x-vcard'), serverUri: 'card' },
    { type: 209, contentType: contentTypeNumber('text/calendar'), serverUri: 'cal' },
  ],
}
const exampleOctets = Uint8Array.from(
  Buffer.from(
    `308d8ec1f0b3377efee0666407cd59f0 0318000000 0001 0e6578616d706c652d736572766572 20
     6000000704 63617264 9000030503 63616c`.replace(/\s/g, ''),
    'hex',
  ),
)

const notifications: fc.Arbitrary<Notification> = fc.record({
  version: fc.nat(1023),
  uiMode: fc.constantFrom('not-specified', 'background', 'informative', 'user-interaction'),
  initiator: fc.constantFrom('user', 'server'),
  sessionId: fc.nat(65535),
  serverId: fc.string({ unit: 'grapheme', maxLength: 20 }),
  syncs: fc.array(
    fc.record({
      type: fc.constantFrom(206, 207, 208, 209, 210),
      contentType: fc.nat(0xffffff),
      serverUri: fc.string({ maxLength: 40 }),
    }),
    { maxLength: 15 },
  ),
})

describe('[WF-15] notification', () => {
  it('writes and reads the worked example, digest included', () => {
    expect(encodeNotification(example, secret)).toEqual(exampleOctets)
    expect(decodeNotification(exampleOctets)).toEqual(example)
    expect(verifyNotification(exampleOctets, secret)).toBe(true)
  })

  it('tells a wrong password, a wrong nonce and a changed octet', () => {
    expect(verifyNotification(exampleOctets, { ...secret, password: 'other' })).toBe(false)
    expect(verifyNotification(exampleOctets, { ...secret, nonce: new Uint8Array() })).toBe(false)
    const changed = exampleOctets.with(22, 2)
    expect(verifyNotification(changed, secret)).toBe(false)
    expect(verifyNotification(encodeNotification(example), secret)).toBe(false)
  })

  test.skipIf(sharedDir === undefined)('reads what a Nokia server sends', () => {
    const octets = readFileSync(join(sharedDir ?? '', 'captures/sailfishos+buteo-syncml/SAN01.bin'))
    expect(decodeNotification(octets)).toEqual({
      version: 12,
      uiMode: 'background',
      initiator: 'server',
      sessionId: 0,
      serverId: 'PC Suite Data Sync',
      syncs: [{ type: 206, contentType: 0, serverUri: 'Contacts' }],
    })
  })

  it('gives back whatever was written', () => {
    fc.assert(
      fc.property(notifications, (notification) => {
        const octets = encodeNotification(notification, secret)
        expect(decodeNotification(octets)).toEqual(notification)
        expect(verifyNotification(octets, secret)).toBe(true)
      }),
    )
  })

  it('refuses any other octets by its two codes only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        try {
          decodeNotification(octets)
        } catch (cause) {
          expect(cause).toBeInstanceOf(CodedError)
        }
      }),
    )
    expect(() => decodeNotification(exampleOctets.subarray(0, 50))).toThrow(CodedError)
    expect(() => decodeNotification(new Uint8Array(10_000))).toThrow(/beyond the limit/)
    expect(() => encodeNotification({ ...example, sessionId: 70_000 })).toThrow(/does not fit/)
  })
})
