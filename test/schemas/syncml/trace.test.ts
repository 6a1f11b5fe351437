/** Traces of every message that was captured from real devices. Rule WF-16. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Message } from '../../../schemas/syncml/message.ts'
import { formatTrace, readTrace, redactTrace, writeTrace } from '../../../schemas/syncml/trace.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'
import { sharedDir } from '../../support/sharedDir.ts'

const message: Message = {
  header: {
    verDtd: '1.2',
    verProto: 'SyncML/1.2',
    sessionId: '1',
    msgId: '1',
    target: { locUri: 'http://h/ds' },
    source: { locUri: 'dev', locName: 'alice' },
    cred: { meta: { type: 'syncml:auth-basic', format: 'b64' }, data: { kind: 'text', text: 'YWxpY2U6c2VjcmV0' } },
  },
  commands: [
    { name: 'Alert', cmdId: '1', data: '200', items: [{ target: { locUri: 'card' }, source: { locUri: 'c' } }] },
    {
      name: 'Sync',
      cmdId: '2',
      target: { locUri: 'card' },
      source: { locUri: 'c' },
      commands: [
        {
          name: 'Add',
          cmdId: '3',
          meta: { type: 'text/x-vcard' },
          items: [
            { source: { locUri: '1' }, data: { kind: 'text', text: 'BEGIN:VCARD\r\nN:<Doe>;&\r\nEND:VCARD\r\n' } },
          ],
        },
      ],
    },
  ],
  final: true,
}

describe('[WF-16] trace', () => {
  it('shows no token of a session, and nothing of a content that is elements itself', () => {
    const token = '0123456789abcdef'.repeat(2)
    const xml = `<SyncML><SyncHdr><VerDTD>1.2</VerDTD><RespURI>http://h/omads?s=${token}</RespURI></SyncHdr><SyncBody>
      <Status><TargetRef>http://h/omads?x=1&amp;s=${token}</TargetRef>
      <Item><Data><Anchor xmlns="syncml:metinf"><Next>7</Next></Anchor></Data></Item></Status>
      <Add><Item><Data><File><name>Diary of Ann</name><body>dear diary</body></File></Data></Item></Add>
      <Results><Item><Data><DevInf xmlns="syncml:devinf"><Man>Nokia</Man></DevInf></Data></Item></Results>
      </SyncBody></SyncML>`
    const shown = formatTrace(redactTrace(readTrace(encodeUtf8(xml))))
    expect(shown).not.toMatch(/0123456789|Diary|diary/)
    for (const text of [
      'omads?s=[32 characters]',
      '<Data>[61 characters]</Data>',
      '<Next>7</Next>',
      '<Man>Nokia</Man>',
    ])
      expect(shown).toContain(text)
    expect(formatTrace(readTrace(encodeUtf8(xml)))).toContain(token)
  })

  it.each(['xml', 'wbxml'] as const)('shows a message in %s without what is private', (encoding) => {
    const traced = readTrace(encodeMessage(message, encoding))
    expect(traced.encoding).toBe(encoding)
    const shown = formatTrace(redactTrace(traced))
    expect(shown).not.toMatch(/YWxpY2U|alice|VCARD|Doe/)
    expect(shown).toContain('<Data>[16 characters]</Data>')
    expect(shown).toContain('<Data>200</Data>')
    expect(shown).toContain('\n    <Sync>\n      <CmdID>2</CmdID>\n')
    expect(formatTrace(traced)).toMatch(/N:&lt;Doe(>|&gt;);&amp;/)
  })

  it('gives the message back from what it shows', () => {
    const octets = encodeMessage(message, 'wbxml')
    const shown = formatTrace(readTrace(octets))
    expect(writeTrace(readTrace(encodeUtf8(shown)), 'wbxml')).toEqual(octets)
  })

  it('refuses what is no message', () => {
    expect(() => readTrace(encodeUtf8('<DevInf/>'))).toThrow(/not a SyncML message/)
    expect(() => readTrace(Uint8Array.of(2, 0, 0))).toThrow()
    expect(() => readTrace(new Uint8Array(5 * 1024 * 1024))).toThrow(/beyond the limit/)
  })

  it.skipIf(sharedDir === undefined)('reads captured sessions, and back', () => {
    const folder = join(sharedDir ?? '', 'captures/syncevolution')
    let seen = 0
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(xml|wbxml)$/.test(entry) || /devinf|\.trm|status/i.test(entry)) continue
      const octets = readFileSync(join(folder, entry))
      if (octets.length === 0) continue
      let traced: ReturnType<typeof readTrace>
      try {
        traced = readTrace(octets)
      } catch {
        // Some responses were edited into something broken on purpose.
        continue
      }
      seen += 1
      expect(readTrace(writeTrace(traced, 'wbxml')).root.name).toBe('SyncML')
      expect(formatTrace(redactTrace(traced))).not.toMatch(/BEGIN:V/)
    }
    expect(seen).toBeGreaterThan(300)
  })
})
