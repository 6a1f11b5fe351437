/** WBXML: the worked examples byte for byte, and the forms other stacks write. */

import { describe, expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from '../../../schemas/syncml/codec.ts'
import { decodeWbxml } from '../../../schemas/syncml/decodeWbxml.ts'
import { encodeWbxml } from '../../../schemas/syncml/encodeWbxml.ts'
import type { Item, ItemData, Message } from '../../../schemas/syncml/message.ts'
import { readDevInf } from '../../../schemas/syncml/readDevInf.ts'
import { writeDevInf } from '../../../schemas/syncml/writeDevInf.ts'
import { devInf, notification, package1 } from '../../fixtures/syncml.ts'

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const ascii = (text: string) => Buffer.from(text, 'latin1').toString('hex')
const withItem = (item: Item): Message => ({
  ...package1.message,
  commands: [{ name: 'Add', cmdId: '1', items: [item] }],
})
const itemOf = (message: Message) => {
  const command = message.commands[0]
  return command && 'items' in command ? command.items[0] : undefined
}
const readBack = (item: Item) => itemOf(decodeMessage(encodeMessage(withItem(item), 'wbxml'), 'wbxml'))

/** A tree from the body octets of a SyncML 1.2 document. */
const body = (octets: string, header = '02 a401 6a 00') => decodeWbxml(hex(header + octets), 'syncml')
const flag = (name: string) => ({ name, children: [] })

describe('the worked examples', () => {
  test.each([
    ['package 1', package1],
    ['a notification of 1.1', notification],
  ])('[WF-1] %s both ways, byte for byte', (_, example) => {
    expect(decodeMessage(example.wbxml, 'wbxml')).toEqual(example.message)
    expect(encodeMessage(example.message, 'wbxml')).toEqual(example.wbxml)
    expect(decodeMessage(encodeMessage(example.message, 'xml'), 'xml')).toEqual(example.message)
  })

  test('[WF-1] embedded device information both ways, byte for byte', () => {
    expect(readDevInf(decodeWbxml(devInf.wbxml, 'devinf'))).toEqual(devInf.value)
    expect(encodeWbxml(writeDevInf(devInf.value), 'devinf', '1.2')).toEqual(devInf.wbxml)
    const message: Message = {
      ...package1.message,
      commands: [{ name: 'Put', cmdId: '1', items: [{ data: { kind: 'devInf', devInf: devInf.value } }] }],
    }
    const octets = encodeMessage(message, 'wbxml')
    expect(Buffer.from(octets).includes(Buffer.from(hex('4fc327').buffer))).toBe(true)
    expect(decodeMessage(octets, 'wbxml')).toEqual(message)
  })

  test('[WF-1] an anchor inside Data is written as tags', () => {
    const octets = encodeMessage(withItem({ data: { kind: 'anchor', anchor: { next: '5' } } }), 'wbxml')
    expect(Buffer.from(octets).toString('hex')).toContain('4f0001454f03350001010101')
  })
})

describe('forms of other stacks', () => {
  test('[WF-1] text by OPAQUE, STR_T and several pieces', () => {
    const strings = Buffer.from('a\0bc\0', 'latin1').toString('hex')
    const tree = body(`6d 57 8302 0364 00 c30165 02 26 01 01`, `02 a401 6a 05 ${strings}`)
    expect(tree.children[0]?.value).toEqual(new Uint8Array(Buffer.from('bcde&')))
    expect(body('6d 57 8302 0364 00 02 26 01 01', `02 a401 6a 05 ${strings}`).children[0]?.value).toBe('bcd&')
  })

  test.each([0, 1, 2, 3])('[WF-1] version octet %d is read', (version) => {
    const charset = version === 0 ? '' : '6a'
    expect(body('6d 12 01', `0${version} a401 ${charset} 00`)).toEqual({ name: 'SyncML', children: [flag('Final')] })
  })

  test('[WF-1] the public identifier by string table', () => {
    const fpi = ascii('-//SYNCML//DTD SyncML 1.1//EN')
    expect(body('6d 12 01', `02 00 00 6a 1d ${fpi}`).children).toEqual([flag('Final')])
    expect(body('6d 12 01', `02 00 00 6a 1e ${fpi} 00`).children).toEqual([flag('Final')])
    const devInfFpi = ascii('-//SYNCML//DTD DevInf 1.1//EN')
    expect(decodeWbxml(hex(`02 00 00 6a 1d ${devInfFpi} 4a 28 01`), 'syncml').children).toEqual([flag('UTC')])
  })

  test('[WF-5] the attributes of the Nokia root are skipped', () => {
    expect(body(`ed 04 00 03 ${ascii('SYNCML:SYNCML1.2')} 00 01 12 01`).children).toEqual([flag('Final')])
  })

  test('[WF-5] unknown tokens and pages are skipped with their content', () => {
    expect(body('6d 7f 54 57 0361 00 01 01 3f 01 12 01').children).toEqual([flag('Final')])
    expect(body('6d 00 05 45 46 01 01 00 00 12 01').children).toEqual([flag('Final')])
    expect(body('6d 70 00 01 47 01 01 00 00 12 01').children).toEqual([flag('Final')])
  })

  test('[WF-5] LITERAL tags take their name from the string table; extensions carry nothing', () => {
    const table = `02 a401 6a 02 ${ascii('Q')} 00`
    expect(body('6d 44 00 0361 00 01 04 00 84 00 03 62 00 01 c4 00 85 01 01 01', table).children).toEqual([
      { name: 'Q', children: [], value: 'a' },
      flag('Q'),
      flag('Q'),
      flag('Q'),
    ])
    expect(body('6d 40 61 00 80 05 c0 43 03 62 00 01 12 01').children).toEqual([flag('Final')])
  })

  test('[WF-1] a charset other than UTF-8 is read as UTF-8, else as Latin-1', () => {
    expect(body('6d 57 03 c3a9 00 01 01', '02 a401 04 00').children[0]?.value).toBe('é')
    expect(body('6d 57 03 e9 00 01 01', '02 a401 04 00').children[0]?.value).toBe('é')
  })

  test('[WF-5] padding behind the document is no content', () => {
    expect(decodeMessage(new Uint8Array([...package1.wbxml, 0x0a, 0]), 'wbxml')).toEqual(package1.message)
  })
})

describe('data of Items', () => {
  const every = Uint8Array.from({ length: 256 }, (_, i) => i)

  test('[WF-7] binary data under Format bin are octets, and a view of the message', () => {
    const item: Item = { meta: { format: 'bin' }, data: { kind: 'bytes', bytes: every } }
    expect(readBack(item)).toEqual(item)
    const octets = encodeMessage(withItem(item), 'wbxml')
    const data = itemOf(decodeMessage(octets, 'wbxml'))?.data
    expect(data?.kind === 'bytes' && data.bytes.buffer === octets.buffer).toBe(true)
  })

  test('[WF-7] OPAQUE text is text, a cut character stays octets', () => {
    const text: ItemData = { kind: 'text', text: 'N:é\r\n' }
    expect(readBack({ data: text })).toEqual({ data: text })
    const cut = Uint8Array.of(0x4e, 0xc3)
    expect(readBack({ data: { kind: 'bytes', bytes: cut } })).toEqual({ data: { kind: 'bytes', bytes: cut } })
  })

  test('[WF-7] the Format of the command and of the Sync around it holds for its Items', () => {
    const items = [{ data: { kind: 'bytes', bytes: Uint8Array.of(0x61) } }] as const
    const add = { name: 'Add', cmdId: '2', items } as const
    const inCommand: Message = { ...package1.message, commands: [{ ...add, meta: { format: 'bin' } }] }
    const inSync: Message = {
      ...package1.message,
      commands: [{ name: 'Sync', cmdId: '1', meta: { format: 'bin' }, commands: [add] }],
    }
    expect(decodeMessage(encodeMessage(inCommand, 'wbxml'), 'wbxml')).toEqual(inCommand)
    expect(decodeMessage(encodeMessage(inSync, 'wbxml'), 'wbxml')).toEqual(inSync)
  })

  test('[WF-7] binary data that only looks like a WBXML document stays octets', () => {
    const item: Item = { meta: { format: 'bin' }, data: { kind: 'bytes', bytes: hex('00 01 8180 01') } }
    const message: Message = { ...package1.message, commands: [{ name: 'Put', cmdId: '1', items: [item] }] }
    expect(decodeMessage(encodeMessage(message, 'wbxml'), 'wbxml')).toEqual(message)
  })

  test('[WF-4] one opaque of 1 MiB is no copy but a view of what was read', () => {
    const message = withItem({ meta: { format: 'bin' }, data: { kind: 'bytes', bytes: new Uint8Array(1024 * 1024) } })
    const octets = encodeMessage(message, 'wbxml')
    const data = JSON.stringify(decodeMessage(octets, 'wbxml'), (_, value) =>
      value instanceof Uint8Array ? [value.length, value.buffer === octets.buffer] : value,
    )
    expect(data).toContain('[1048576,true]')
  })
})
