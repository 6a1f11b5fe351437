/** XML: order, octets of text, escapes, namespaces, and what is refused. */

import { describe, expect, test } from 'vitest'
import { CodedError } from '../../../schemas/errors.ts'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import type { Item, Message } from '../../../schemas/syncml/message.ts'
import { decodeXml } from '../../../schemas/syncml/xml.ts'
import { decodeUtf8, encodeUtf8 } from '../../../schemas/utf8.ts'
import { devInf, package1 } from '../../fixtures/syncml.ts'

const read = (text: string) => decodeXml(encodeUtf8(text))
const contentOf = (text: string) => read(`<a>${text}</a>`).value
const withData = (data: string) =>
  `<SyncML><SyncHdr><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>t</LocURI></Target>` +
  `<Source><LocURI>s</LocURI></Source></SyncHdr><SyncBody><Put><CmdID>1</CmdID><Item><Data>${data}</Data></Item></Put>` +
  `</SyncBody></SyncML>`
const dataOf = (text: string) => {
  const command = decodeMessage(encodeUtf8(withData(text)), 'xml').commands[0]
  return command?.name === 'Put' ? command.items[0]?.data : undefined
}
const written = (item: Item) =>
  decodeUtf8(encodeMessage({ ...package1.message, commands: [{ name: 'Add', cmdId: '1', items: [item] }] }, 'xml'))
const text = (value: string) => ({ data: { kind: 'text', text: value } }) as const

describe('reading', () => {
  test('[WF-2] the order of commands is kept', () => {
    const names = ['Add', 'Delete', 'Add', 'Replace', 'Add'] as const
    const message: Message = {
      ...package1.message,
      commands: names.map((name, i) => ({ name, cmdId: String(i + 1), items: [] })),
    }
    expect(decodeMessage(encodeMessage(message, 'xml'), 'xml')).toEqual(message)
  })

  test('[WF-9] CR LF survives as reference, raw and in CDATA', () => {
    expect(contentOf('a&#13;\nb')).toBe('a\r\nb')
    expect(contentOf('a\r\nb\rc')).toBe('a\r\nb\rc')
    expect(contentOf('<![CDATA[a\r\n]]>]<![CDATA[]>\r\n]]>')).toBe('a\r\n]]>\r\n')
    expect(read('<a\r\n b="1"\r\n>\r\n<b/>\r\n</a>\r\n')).toEqual({
      name: 'a',
      children: [{ name: 'b', children: [] }],
    })
  })

  test('[WF-4] values are text and references are decoded once', () => {
    expect(contentOf('007')).toBe('007')
    expect(contentOf('  true ')).toBe('  true ')
    expect(contentOf('&amp;#13;&amp;amp;&lt;&#x41;')).toBe('&#13;&amp;<A')
    expect(contentOf('<![CDATA[&amp;<b>]]>')).toBe('&amp;<b>')
    expect(contentOf('a<!-- b -->c<?d?>')).toBe('ac')
  })

  test('[WF-3] byte order mark, declaration and public DOCTYPE pass', () => {
    const doctype = '<!DOCTYPE SyncML PUBLIC "-//SYNCML//DTD SyncML 1.2//EN" "http://h/x.dtd">'
    expect(read(`\ufeff<?xml version="1.0" encoding="UTF-8"?>\r\n${doctype}\r\n<s:SyncML xmlns:s="x"/>`).name).toBe(
      'SyncML',
    )
  })

  test('[WF-5] unknown elements are ignored, MetInf may have its wrapper, any order is read', () => {
    const message = decodeMessage(
      encodeUtf8(
        '<SyncML><SyncBody><Final/><Nonsense><CmdID>1</CmdID></Nonsense></SyncBody><SyncHdr><Extra/><MsgID> 1\n</MsgID>' +
          '<Meta><MetInf><MaxMsgSize>5</MaxMsgSize></MetInf></Meta><SessionID>1</SessionID><Source><LocURI>s</LocURI>' +
          '</Source><Target><LocURI>t</LocURI></Target></SyncHdr></SyncML>',
      ),
      'xml',
    )
    expect(message.header).toMatchObject({ msgId: '1', meta: { maxMsgSize: 5 }, verDtd: '' })
    expect(message).toMatchObject({ commands: [], final: true })
  })

  test('[WF-1] device information as elements, as text and as CDATA', () => {
    const inner =
      '<DevInf xmlns="syncml:devinf"><VerDTD>1.2</VerDTD><Man>M</Man><Mod>N</Mod><DevID>d</DevID><DevTyp>phone</DevTyp><UTC/></DevInf>'
    const expected = { kind: 'devInf', devInf: devInf.value }
    expect(dataOf(inner)).toEqual(expected)
    expect(dataOf(inner.replaceAll('<', '&lt;'))).toEqual(expected)
    expect(dataOf(`<![CDATA[<?xml version="1.0"?>${inner}]]>`)).toEqual(expected)
    expect(dataOf('&lt;DevInf>')).toEqual({ kind: 'text', text: '<DevInf>' })
  })

  test('[WF-1] the flat CTCap of 1.1 is read by its order', () => {
    const flat =
      '<DevInf><VerDTD>1.1</VerDTD><DevID>d</DevID><DevTyp>phone</DevTyp><CTCap><CTType>text/x-vcard</CTType>' +
      '<PropName>VERSION</PropName><ValEnum>2.1</ValEnum><PropName>TEL</PropName><Size>40</Size><ParamName>HOME</ParamName>' +
      '<ParamName>CELL</ParamName><DisplayName>Mobile</DisplayName><CTType>text/calendar</CTType><PropName>N</PropName></CTCap></DevInf>'
    const data = dataOf(flat)
    expect(data?.kind === 'devInf' && data.devInf.ctCaps).toEqual([
      {
        ctType: 'text/x-vcard',
        verCt: '',
        properties: [
          { propName: 'VERSION', valEnums: ['2.1'], params: [] },
          {
            propName: 'TEL',
            maxSize: 40,
            valEnums: [],
            params: [
              { paramName: 'HOME', valEnums: [] },
              { paramName: 'CELL', valEnums: [], displayName: 'Mobile' },
            ],
          },
        ],
      },
      { ctType: 'text/calendar', verCt: '', properties: [{ propName: 'N', valEnums: [], params: [] }] },
    ])
  })

  test('[WF-4] a data object of real elements is the text of its markup, namespaces left out', () => {
    expect(dataOf('<File xmlns="x"><body enc="base64">YQ==</body>\n<name>a &amp; b</name></File>')).toEqual({
      kind: 'text',
      text: '<File><body enc="base64">YQ==</body>\n<name>a &amp; b</name></File>',
    })
  })
})

describe('writing', () => {
  test('[WF-4] CR, markup and ]]> are escaped', () => {
    expect(written(text(']]><&"\r\n'))).toContain('<Data>]]&gt;&lt;&amp;&quot;&#13;\n</Data>')
  })

  test.each(['\0', '\x08', '\x1f', '\ufffe', '\ud800'])('[WF-4] character %j is refused', (char) => {
    expect(() => written(text(`a${char}`))).toThrow(CodedError)
  })

  test('[WF-4] octets are base64', () => {
    expect(written({ data: { kind: 'bytes', bytes: Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0, 1) } })).toContain(
      '<Data>3q2+7wAB</Data>',
    )
  })

  test('[WF-2] namespaces stand where the specification wants them', () => {
    const item: Item = {
      meta: { format: 'b64', anchor: { next: '1' } },
      data: { kind: 'devInf', devInf: devInf.value },
    }
    const xml = written(item)
    expect(xml).toContain('<SyncML xmlns="SYNCML:SYNCML1.2">')
    expect(xml).toContain(
      '<Format xmlns="syncml:metinf">b64</Format><Anchor xmlns="syncml:metinf"><Next>1</Next></Anchor>',
    )
    expect(xml).toContain('<DevInf xmlns="syncml:devinf"><VerDTD>1.2</VerDTD>')
  })
})
