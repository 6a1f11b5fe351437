/** Notes, bookmarks, files, folders and mail, and the table of formats. */

import { describe, expect, it } from 'vitest'
import { type ContentKind, contentTypesOf } from '../../../schemas/pim/content.ts'
import { noteTitle } from '../../../schemas/pim/note.ts'
import { readContent } from '../../../schemas/pim/readContent.ts'
import { writeContent } from '../../../schemas/pim/writeContent.ts'

const octets = (text: string) => Buffer.from(text)
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const fileType = { type: 'application/vnd.omads-file+xml', version: '1.2' }

describe('notes', () => {
  it('[PIM-4] plain text keeps its lines, title and charset', () => {
    const item = readContent('note', 'text/plain; charset=ISO-8859-1', Buffer.from('Grüße\r\nzwei\r\n', 'latin1'))
    expect(item).toEqual({ kind: 'note', note: { body: 'Grüße\nzwei\n', charset: 'ISO-8859-1' } })
    expect(text(writeContent(item, { type: 'text/plain', version: '1.0' }))).toBe('Grüße\r\nzwei\r\n')
    expect(noteTitle({ body: '\n  Title \nrest' })).toBe('Title')
  })

  it('[PIM-4] a VNOTE keeps what it says besides', () => {
    const vnote = octets(
      'BEGIN:VNOTE\r\nVERSION:1.1\r\nBODY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=A4=0D=0Ab\r\nDCREATED:20260101T000000\r\nEND:VNOTE\r\n',
    )
    const item = readContent('note', 'text/x-vnote', vnote)
    expect(item).toMatchObject({ note: { body: 'ä\nb' } })
    const again = readContent('note', 'text/x-vnote', writeContent(item, { type: 'text/x-vnote', version: '1.1' }))
    expect(again).toEqual(item)
  })
})

describe('bookmarks', () => {
  it('[PIM-6] a vBookmark and a list of URLs', () => {
    const vbkm = octets(
      'BEGIN:VBKM\r\nVERSION:1.0\r\nURL:http://a.example/?x=1;y\r\nTITLE;CHARSET=UTF-8:Ä\r\nX-IRMC-URL;QUOTED-PRINTABLE:=\r\n[InternetShortcut]=0D=0AURL=3Dhttp://a.example\r\nEND:VBKM\r\n',
    )
    const item = readContent('bookmark', 'text/x-vbookmark', vbkm)
    expect(item).toMatchObject({ bookmark: { title: 'Ä', urls: ['http://a.example/?x=1;y'] } })
    const again = readContent(
      'bookmark',
      'text/x-vbookmark',
      writeContent(item, { type: 'text/x-vbookmark', version: '1.0' }),
    )
    expect(again).toEqual(item)
    expect(text(writeContent(item, { type: 'text/uri-list', version: '1.0' }))).toBe(
      '# Ä\r\nhttp://a.example/?x=1;y\r\n',
    )
    expect(() => readContent('bookmark', 'text/uri-list', octets('# only'))).toThrow(
      expect.objectContaining({ code: 'content.invalid' }),
    )
  })
})

describe('data objects', () => {
  const file =
    '<File><name>a&lt;b.txt</name><modified>20240131T101500Z</modified><attributes><w>true</w><r>false</r></attributes><cttype>text/plain</cttype><body enc="base64">aGVs\r\nbG8=</body><size>5</size><odd>1</odd><Ext><XNam>n</XNam><XVal>v</XVal></Ext></File>'

  it('[PIM-9] a file', () => {
    const item = readContent('file', fileType.type, octets(file))
    expect(item).toMatchObject({
      file: { name: 'a<b.txt', attributes: { w: true, r: false }, fields: { cttype: 'text/plain', odd: '1' } },
    })
    expect(text((item.kind === 'file' && item.file.body) || octets(''))).toBe('hello')
    expect(readContent('file', fileType.type, writeContent(item, fileType))).toEqual(item)
    expect(text(writeContent(item, fileType))).toBe(
      file.replace('\r\n', '').replace('<size>5</size><odd>', '<size>5</size><odd>'),
    )
  })

  it('[PIM-9] bodies in quoted-printable, plain, and none', () => {
    const body = (xml: string) => {
      const item = readContent('file', fileType.type, octets(`<File><name>a</name>${xml}</File>`))
      return item.kind === 'file' && item.file.body !== undefined ? text(item.file.body) : undefined
    }
    expect(body('<body enc="quoted-printable">a=C3=A4=\r\nb</body>')).toBe('aäb')
    expect(body('<body>x\r\n<![CDATA[<y>]]></body>')).toBe('x\r\n<y>')
    expect(body('')).toBeUndefined()
    expect(body('<body/>')).toBe('')
  })

  it('[PIM-9] folders and mail', () => {
    const folder = octets('<Folder><name>Inbox</name><created>20240101T000000Z</created><role>inbox</role></Folder>')
    const folderType = { type: 'application/vnd.omads-folder+xml', version: '1.2' }
    expect(writeContent(readContent('folder', folderType.type, folder), folderType)).toEqual(new Uint8Array(folder))
    const mail = octets(
      '<Email><read>false</read><received>20240131T101500Z</received><flagged>false</flagged><emailitem enc="base64">RnJvbTogYQ0K</emailitem></Email>',
    )
    const mailType = { type: 'application/vnd.omads-email+xml', version: '1.2' }
    expect(writeContent(readContent('email', mailType.type, mail), mailType)).toEqual(new Uint8Array(mail))
  })

  it.each([
    '',
    '<File>',
    '<Folder><name>x</name></Folder>',
    '<File><size>1</size></File>',
    '<File><name>x</name><body enc="x">1</body></File>',
    '<!DOCTYPE a [<!ENTITY b "c">]><File><name>&b;</name></File>',
  ])('[PIM-2] %j is refused', (xml) => {
    expect(() => readContent('file', fileType.type, octets(xml))).toThrow(
      expect.objectContaining({ code: 'content.invalid' }),
    )
  })
})

describe('formats', () => {
  it('[PIM-2] each kind is written in the formats it announces and in no other', () => {
    const samples: Record<ContentKind, string> = {
      contact: 'BEGIN:VCARD\r\nVERSION:3.0\r\nN:A;B\r\nEND:VCARD\r\n',
      event: 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
      task: 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nSUMMARY:x\r\nEND:VTODO\r\nEND:VCALENDAR\r\n',
      note: 'x',
      bookmark: 'http://a.example',
      file: '<File><name>x</name></File>',
      folder: '<Folder><name>x</name></Folder>',
      email: '<Email><read>true</read></Email>',
    }
    for (const kind of Object.keys(samples) as ContentKind[]) {
      const item = readContent(kind, kind === 'bookmark' ? 'text/uri-list' : '', octets(samples[kind]))
      expect(item.kind).toBe(kind)
      for (const format of contentTypesOf(kind)) {
        expect(readContent(kind, format.type, writeContent(item, format)).kind).toBe(kind)
      }
      expect(() => writeContent(item, { type: 'image/png', version: '1' })).toThrow(
        expect.objectContaining({ code: 'protocol.unsupported-type' }),
      )
    }
  })
})
