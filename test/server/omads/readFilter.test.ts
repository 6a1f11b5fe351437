/** Filters of an Alert, as an element and in the URI (reference 3.15). */

import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Filter } from '../../../schemas/syncml/message.ts'
import { readFilter } from '../../../server/omads/readFilter.ts'

const cgi = {
  meta: { type: 'syncml::filtertype-cgi' },
  data: { kind: 'text', text: 'SINCE&EQ;20240101T000000Z' },
} as const
const of = (filter: Filter) => readFilter({ locUri: './calendar', filter })

describe('[IT-14] filters', () => {
  it('an element: exclusive unless it says otherwise', () => {
    const record = { grammar: 'syncml:filtertype-cgi', expression: 'SINCE&EQ;20240101T000000Z' }
    expect(of({ meta: { type: 'text/calendar' }, record: cgi })).toEqual({
      kind: 'exclusive',
      contentType: 'text/calendar',
      record,
    })
    expect(of({ record: cgi, filterType: ' inclusive ' })).toMatchObject({ kind: 'inclusive', record })
  })

  it('names of properties, read from a message', () => {
    const item = `<Item><Meta><Type xmlns="syncml:metinf">application/vnd.syncml-devinf+xml</Type></Meta><Data>
      <Property xmlns="syncml:devinf"><PropName>FN</PropName></Property>
      <Property xmlns="syncml:devinf"><PropName>TEL</PropName></Property></Data></Item>`
    const header = `<SyncHdr><VerDTD>1.2</VerDTD><VerProto>SyncML/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>
      <Target><LocURI>s</LocURI></Target><Source><LocURI>d</LocURI></Source></SyncHdr>`
    const xml = `<SyncML>${header}<SyncBody><Alert><CmdID>1</CmdID><Data>200</Data><Item><Target><LocURI>card</LocURI>
      <Filter><Meta><Type xmlns="syncml:metinf">text/vcard</Type></Meta><Field>${item}</Field></Filter></Target></Item></Alert>
      <Final/></SyncBody></SyncML>`
    const [alert] = decodeMessage(Buffer.from(xml), 'xml').commands
    const target = alert?.name === 'Alert' ? alert.items[0]?.target : undefined
    expect(readFilter(target)).toMatchObject({ contentType: 'text/vcard', fields: ['FN', 'TEL'] })
  })

  it('names of properties as text', () => {
    const text = '<Property xmlns="syncml:devinf"><PropName>SUMMARY</PropName></Property>'
    expect(of({ field: { data: { kind: 'text', text } } })).toMatchObject({ fields: ['SUMMARY'] })
    expect(of({ field: { data: { kind: 'text', text: 'x' } } })).toBe(415)
  })

  it('an unknown kind is 406, and one of nothing is none', () => {
    expect(of({ record: cgi, filterType: 'BOTH' })).toBe(406)
    expect(of({ filterType: 'BOTH' })).toBeUndefined()
  })

  it('in the URI, but not the options of vendors', () => {
    expect(readFilter({ locUri: 'card?ORG&iCON;acme' })).toMatchObject({
      kind: 'inclusive',
      record: { expression: 'ORG&iCON;acme' },
    })
    for (const locUri of ['card', 'card?/dr(-1,30)', 'card?sid=1&x=2']) expect(readFilter({ locUri })).toBeUndefined()
  })
})
