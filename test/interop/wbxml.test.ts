/** Our WBXML against Debian's libwbxml: it reads ours, we read its. */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../../schemas/syncml/codec.ts'
import type { Message } from '../../schemas/syncml/message.ts'
import { package1 } from '../fixtures/syncml.ts'
import { interop } from '../support/requireProgram.ts'
import { sharedDir } from '../support/sharedDir.ts'

const reader = interop('wbxml2xml', 'libwbxml2-utils')
const writer = interop('xml2wbxml', 'libwbxml2-utils')

/** A message of everything libwbxml carries faithfully; it knows no DevInf of ours by value. */
const message: Message = {
  header: {
    verDtd: '1.2',
    verProto: 'SyncML/1.2',
    sessionId: '7',
    msgId: '2',
    target: { locUri: 'http://h/ds?a=1&b=2' },
    source: { locUri: 'IMEI:1', locName: 'jürgen' },
    meta: { maxMsgSize: 10000, maxObjSize: 4000000 },
  },
  commands: [
    {
      name: 'Status',
      cmdId: '1',
      msgRef: '1',
      cmdRef: '0',
      cmd: 'SyncHdr',
      targetRefs: ['http://h/ds'],
      sourceRefs: ['IMEI:1'],
      chal: { meta: { format: 'b64', type: 'syncml:auth-md5', nextNonce: Uint8Array.of(97, 98, 99, 49, 50, 51) } },
      data: 212,
      items: [],
    },
    {
      name: 'Sync',
      cmdId: '2',
      target: { locUri: './contacts' },
      source: { locUri: 'card' },
      numberOfChanges: 3,
      commands: [
        {
          name: 'Add',
          cmdId: '3',
          meta: { type: 'text/x-vcard' },
          items: [
            {
              source: { locUri: '1' },
              data: { kind: 'text', text: 'BEGIN:VCARD\r\nVERSION:2.1\r\nN:A;é\r\nEND:VCARD\r\n' },
              moreData: true,
            },
          ],
        },
        { name: 'Delete', cmdId: '4', items: [{ source: { locUri: '2' } }] },
        { name: 'Add', cmdId: '5', items: [{ source: { locUri: '3' }, meta: { emi: ['x=1'], size: 12 } }] },
      ],
    },
  ],
  final: true,
}

describe.skipIf(!reader.available || !writer.available)(`libwbxml ${reader.reason}${writer.reason}`, () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'wbxml-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  function convert(program: string, octets: Uint8Array, flags: readonly string[]): Uint8Array {
    const [from, to] = [join(folder, 'in'), join(folder, 'out')]
    writeFileSync(from, octets)
    execFileSync(program, [...flags, '-o', to, from], { stdio: 'pipe' })
    return new Uint8Array(readFileSync(to))
  }
  const toXml = (octets: Uint8Array) => convert('wbxml2xml', octets, ['-k'])
  const toWbxml = (octets: Uint8Array) => convert('xml2wbxml', octets, ['-v', '1.2', '-n'])
  /** xml2wbxml wants a DOCTYPE, and puts a CR before each LF of a contact, even if there is one. */
  const forXml2wbxml = (octets: Uint8Array) =>
    Buffer.from(
      Buffer.from(octets)
        .toString()
        .replaceAll('&#13;', '')
        .replace('?>', '?><!DOCTYPE SyncML PUBLIC "-//SYNCML//DTD SyncML 1.2//EN" "http://h/s.dtd">'),
    )

  test.each([
    ['package 1', package1.message],
    ['a Sync with a contact', message],
  ])('[WF-1] our WBXML of %s is read by wbxml2xml', (_, sent) => {
    expect(decodeMessage(toXml(encodeMessage(sent, 'wbxml')), 'xml')).toEqual(sent)
  })

  test.each([
    ['package 1', package1.message],
    ['a Sync with a contact', message],
  ])('[WF-1] the WBXML that xml2wbxml makes of %s is read here', (_, sent) => {
    expect(decodeMessage(toWbxml(forXml2wbxml(encodeMessage(sent, 'xml'))), 'wbxml')).toEqual(sent)
  })

  test('[WF-1] package 1 is the same WBXML from both', () => {
    expect(toWbxml(forXml2wbxml(encodeMessage(package1.message, 'xml')))).toEqual(
      encodeMessage(package1.message, 'wbxml'),
    )
  })

  test('[WF-1] embedded device information of ours is read by wbxml2xml', () => {
    const devInf = {
      verDtd: '1.2',
      man: 'M',
      devId: 'd',
      devTyp: 'server',
      dataStores: [
        {
          sourceRef: './contacts',
          rxPref: { ctType: 'text/x-vcard', verCt: '2.1' },
          rx: [],
          txPref: { ctType: 'text/x-vcard', verCt: '2.1' },
          tx: [],
          ctCaps: [
            {
              ctType: 'text/x-vcard',
              verCt: '2.1',
              properties: [{ propName: 'N', maxSize: 9, valEnums: [], params: [] }],
            },
          ],
          syncCap: [1, 2],
        },
      ],
    } as const
    const put = (encoding: 'xml' | 'wbxml'): Message => ({
      ...message,
      commands: [
        {
          name: 'Put',
          cmdId: '1',
          meta: { type: `application/vnd.syncml-devinf+${encoding}` },
          items: [{ data: { kind: 'devInf', devInf } }],
        },
      ],
    })
    expect(decodeMessage(toXml(encodeMessage(put('wbxml'), 'wbxml')), 'xml')).toEqual(put('xml'))
  })

  const captures = sharedDir && join(sharedDir, 'captures/libwbxml+libwbxml/syncml')
  test.skipIf(captures === undefined)('[WF-1] its own samples mean the same in its WBXML (needs the captures)', () => {
    const names = captures === undefined ? [] : readdirSync(captures).filter((name) => !/-01[134]\.xml$/.test(name))
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) {
      const xml = readFileSync(join(captures ?? '', name))
      const { header, commands } = decodeMessage(toWbxml(xml), 'wbxml')
      const expected = decodeMessage(new Uint8Array(xml), 'xml')
      expect(header, name).toEqual(expected.header)
      expect(
        commands.map((command) => command.name),
        name,
      ).toEqual(expected.commands.map((command) => command.name))
    }
  })
})
