/** What content looks like on the wire and at rest. */

import { describe, expect, it } from 'vitest'
import { meaningOf, toRest, toWire } from '../../../device-client/sync/syncApp.ts'
import { decodeUtf8, encodeUtf8 } from '../../../schemas/utf8.ts'
import { card } from '../../support/itemPeer.ts'

const vcard3 = { ctType: 'text/vcard', verCt: '3.0' }
const vcard21 = { ctType: 'text/x-vcard', verCt: '2.1' }
const text = (octets: Uint8Array) => decodeUtf8(octets) ?? ''

describe('content', () => {
  it('[DC-67] goes as it is where the server takes its type, or never said what it takes', () => {
    const octets = encodeUtf8(card('Ada', 'x').replaceAll('\r\n', '\n'))
    expect(toWire('contacts', octets, undefined)).toEqual({ type: 'text/vcard', octets })
    expect(toWire('contacts', octets, [vcard21, vcard3])).toEqual({ type: 'text/vcard', octets })
    expect(toWire('notes', encodeUtf8('a note'), [{ ctType: 'text/plain', verCt: '1.1' }]).type).toBe('text/plain')
  })

  it('[DC-67] is converted for a server that takes another version', () => {
    const octets = encodeUtf8(card('Ada', 'x'))
    const wire = toWire('contacts', octets, [vcard21])
    expect(wire.type).toBe('text/x-vcard')
    expect(text(wire.octets)).toContain('VERSION:2.1')
    expect(meaningOf('contacts', wire.octets)).toBe(meaningOf('contacts', octets))
    const modern = encodeUtf8(card('Ada').replace('VERSION:3.0', 'VERSION:4.0'))
    expect(text(toWire('contacts', modern, [vcard3]).octets)).toContain('VERSION:3.0')
  })

  it('[DC-67] that no server could take is an error of that item', () => {
    const unsupported = expect.objectContaining({ code: 'protocol.unsupported-type' })
    const other = [{ ctType: 'text/calendar', verCt: '2.0' }]
    expect(() => toWire('contacts', encodeUtf8(card('Ada')), other)).toThrowError(unsupported)
    expect(() => toWire('records', encodeUtf8('{}'), other)).toThrowError(unsupported)
    const invalid = expect.objectContaining({ code: 'content.invalid' })
    expect(() => toWire('contacts', encodeUtf8('no card'), [vcard21])).toThrowError(invalid)
  })

  it('[DC-67] comes to rest as it came, or in the version of today', () => {
    const octets = encodeUtf8(card('Ada', 'x'))
    expect(toRest('contacts', { type: 'text/vcard', octets })).toEqual(octets)
    const old = encodeUtf8('BEGIN:VCARD\r\nVERSION:2.1\r\nN:Ada\r\nTEL;CELL:1\r\nEND:VCARD\r\n')
    expect(text(toRest('contacts', { type: 'text/x-vcard', octets: old }))).toContain('VERSION:3.0')
    const event = 'BEGIN:VEVENT\r\nSUMMARY:s\r\nDTSTART:20261121T100000Z\r\nEND:VEVENT\r\n'
    const calendar = encodeUtf8(`BEGIN:VCALENDAR\r\nVERSION:1.0\r\n${event}END:VCALENDAR\r\n`)
    expect(text(toRest('calendar', { type: 'text/x-vcalendar', octets: calendar }))).toContain('VERSION:2.0')
    const invalid = expect.objectContaining({ code: 'content.invalid' })
    expect(() => toRest('contacts', { type: 'text/vcard', octets: encodeUtf8('no card') })).toThrowError(invalid)
  })
})
