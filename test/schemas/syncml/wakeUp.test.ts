/** Our own notification and that of SyncML 1.1: read as written, refused if anybody else made them. WF-25 to WF-27. */

import { describe, expect, it } from 'vitest'
import { alertedMessage } from '../../../schemas/syncml/alertedMessage.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { ha1 } from '../../../schemas/syncml/credential.ts'
import { contentTypeNumber, decodeNotification, encodeNotification } from '../../../schemas/syncml/notification.ts'
import { encodeWakeUp, openWakeUp, type WakeUp } from '../../../schemas/syncml/wakeUp.ts'
import fc from '../../support/properties.ts'

const key = ha1('alice', 'the secret of the device')
const wakeUp: WakeUp = {
  serverId: 'nightferry-0123456789abcdef',
  sessionId: 4711,
  issuedAt: Date.UTC(2026, 10, 21),
  syncs: [{ type: 207, contentType: 0, serverUri: './databases/app' }],
}

describe('our own notification', () => {
  it('[WF-25] is one of 1.2 that says when it was issued', () => {
    const octets = encodeWakeUp(wakeUp, key)
    expect(openWakeUp(octets, key)).toEqual(wakeUp)
    expect(decodeNotification(octets)).toMatchObject({ version: 12, uiMode: 'background', initiator: 'server' })
    expect(Buffer.from(octets.subarray(-9)).toString('hex')).toBe(`4e4601${hexTime()}`)
  })

  it('[WF-25] gives back any time and any datastores', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 48 - 1), fc.nat(15), fc.nat(65535), (issuedAt, count, sessionId) => {
        const syncs = Array.from({ length: count }, (_, index) => ({
          ...wakeUp.syncs[0],
          serverUri: `./databases/${index}`,
        }))
        const one = { ...wakeUp, issuedAt, sessionId, syncs } as WakeUp
        expect(openWakeUp(encodeWakeUp(one, key), key)).toEqual(one)
      }),
    )
  })

  it('[WF-26] is refused if anybody else made it, or changed one octet', () => {
    const octets = encodeWakeUp(wakeUp, key)
    expect(() => openWakeUp(encodeWakeUp(wakeUp, ha1('alice', 'another secret')), key)).toThrow(/digest/)
    expect(() => openWakeUp(encodeWakeUp(wakeUp), key)).toThrow(/digest/)
    for (let at = 0; at < octets.length; at++) {
      expect(() => openWakeUp(octets.with(at, (octets[at] ?? 0) ^ 1), key), `octet ${at}`).toThrow()
    }
    for (let length = 0; length < octets.length; length++) {
      expect(() => openWakeUp(octets.subarray(0, length), key)).toThrow()
    }
  })

  it('[WF-26] the digest of a server does not serve under the name of another', () => {
    const foreign = { ...decodeNotification(encodeWakeUp(wakeUp, key)), serverId: 'another' }
    const octets = encodeNotification(foreign)
    octets.set(encodeWakeUp(wakeUp, key).subarray(0, 16))
    expect(() => openWakeUp(octets, key)).toThrow(/digest/)
  })
})

/** The time of `wakeUp` as six octets. */
function hexTime(): string {
  return wakeUp.issuedAt.toString(16).padStart(12, '0')
}

describe('the notification before 1.2', () => {
  const one = { version: '1.1', deviceId: '/', serverId: 'srv', sessionId: 1 } as const
  const card = { type: 206, contentType: contentTypeNumber('text/x-vcard'), serverUri: 'card' } as const
  /** The example of the reference, 8.5. */
  const example = `029f536a006d6c7103312e310001720353796e634d4c2f312e3100016503310001
    5b03310001 6e57032f000101 675703737276000101 01 6b464b03310001 4f033230360001 546757036361726400010 1
    5a00015303746578742f782d766361726400 01010101 0000120101`.replace(/\s/g, '')

  it('[WF-27] says what the example of the reference says', () => {
    const message = alertedMessage({ ...one, syncs: [card] })
    expect(decodeMessage(Uint8Array.from(Buffer.from(example, 'hex')), 'wbxml')).toEqual(message)
    for (const encoding of ['wbxml', 'xml'] as const) {
      expect(decodeMessage(encodeMessage(message, encoding), encoding)).toEqual(message)
    }
  })

  it('[WF-27] has an Alert of one Item for each datastore, and no type where any will do', () => {
    const notes = { type: 208, contentType: 0, serverUri: './notes' } as const
    const { commands } = alertedMessage({ ...one, version: '1.0', syncs: [card, notes] })
    expect(commands).toEqual([
      {
        name: 'Alert',
        cmdId: '1',
        data: '206',
        items: [{ source: { locUri: 'card' }, meta: { type: 'text/x-vcard' } }],
      },
      { name: 'Alert', cmdId: '2', data: '208', items: [{ source: { locUri: './notes' } }] },
    ])
  })
})
