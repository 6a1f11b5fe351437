/** The Delta on the wire: what the writer writes the reader reads, in any chunking; anything else is refused. */

import { describe, expect, it } from 'vitest'
import type { DeltaEvent } from '../../../schemas/delta/delta.ts'
import { DeltaReader } from '../../../schemas/delta/deltaReader.ts'
import { DeltaWriter } from '../../../schemas/delta/deltaWriter.ts'
import { readWholeDelta } from '../../../schemas/delta/readWholeDelta.ts'
import { decodeCell, encodeCell, TextBytes } from '../../../schemas/delta/value.ts'
import { CodedError } from '../../../schemas/errors.ts'
import { cell, delta, HARD_INTEGERS, HARD_NUMBERS, HEAD, HOSTILE_TEXTS, write } from '../../support/deltaArbitrary.ts'
import fc from '../../support/properties.ts'

function read(bytes: Uint8Array, chunkBytes = bytes.length): DeltaEvent[] {
  const reader = new DeltaReader()
  const events: DeltaEvent[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) events.push(...reader.push(bytes.subarray(at, at + chunkBytes)))
  return [...events, ...reader.close()]
}

/** Octets as plain arrays: what class of the platform holds them says nothing. */
function plain(value: unknown): unknown {
  if (value instanceof TextBytes) return { text: [...value.bytes] }
  if (value instanceof Uint8Array) return { octets: [...value] }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]))
}

/** What a reader makes of the octets: events, or the code of its refusal and its words. */
function judge(bytes: Uint8Array, reader: (bytes: Uint8Array) => DeltaEvent[]): { code: string; said: unknown } {
  try {
    return { code: 'read', said: plain(reader(bytes)) }
  } catch (cause) {
    return cause instanceof CodedError ? { code: cause.code, said: cause.message } : { code: String(cause), said: '' }
  }
}

/** The verdict, which both readers share. */
function codeOf(text: string | Uint8Array): string {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  const verdict = judge(bytes, read)
  expect(judge(bytes, readWholeDelta)).toEqual(verdict)
  return verdict.code
}

const SAMPLE: DeltaEvent[] = [
  { kind: 'head', head: HEAD },
  {
    kind: 'schema',
    objects: [{ type: 'table', name: 't', tableName: 't', sql: 'CREATE TABLE t(a,b)', rows: 'keep', was: 'old' }],
  },
  { kind: 'table', table: { name: 't', key: 'rowid', columns: ['a', 'b'], clear: false } },
  { kind: 'touched', key: [7n] },
  { kind: 'touched', key: [9n] },
  { kind: 'put', row: [7n, '<é>', new Uint8Array([1, 2])] },
  { kind: 'end', counts: { puts: 1, deletes: 1, schemaChanges: 1 } },
]

describe('[WF-12] values', () => {
  it('keep storage class and bits', () => {
    fc.assert(
      fc.property(cell, (value) => {
        expect(plain(decodeCell(JSON.parse(JSON.stringify(encodeCell(value)))))).toEqual(plain(value))
      }),
      { numRuns: 2000 },
    )
    for (const value of [...HARD_NUMBERS, ...HARD_INTEGERS, ...HOSTILE_TEXTS, '', new Uint8Array()]) {
      const back = decodeCell(JSON.parse(JSON.stringify(encodeCell(value))))
      expect(typeof back).toBe(typeof value)
      expect(plain(back)).toEqual(plain(value))
    }
    expect(Object.is(decodeCell(encodeCell(-0)), -0)).toBe(true)
  })

  it.each([
    ['an integer that a double cannot hold', 2 ** 53],
    ['minus zero as an integer', -0],
    ['an unknown tag', { x: '1' }],
    ['two tags', { i: '1', r: '1' }],
    ['a tag that is no text', { i: 1 }],
    ['65 bits', { i: '9223372036854775808' }],
    ['an integer that is none', { i: '1.5' }],
    ['a number that is none', { r: 'NaN' }],
    ['base64 that is none', { b: 'A' }],
    ['a list', [1]],
    ['a truth value', true],
  ])('refuses %s', (_what, json) => {
    expect(() => decodeCell(json)).toThrow(expect.objectContaining({ code: 'delta.invalid' }))
  })
})

describe('[WF-11] a Delta as a stream', () => {
  it('comes back from random tables, in one piece, byte by byte and in random pieces', () => {
    fc.assert(
      fc.property(delta, fc.integer({ min: 2, max: 50 }), (events, chunkBytes) => {
        const bytes = Buffer.from(write(events))
        for (const size of [bytes.length, 1, chunkBytes]) expect(plain(read(bytes, size))).toEqual(plain(events))
      }),
      { numRuns: 150 },
    )
    expect(plain(read(Buffer.from(write(SAMPLE)), 1))).toEqual(plain(SAMPLE))
  })

  it('is the same to the reader of whole Deltas, however it is spelled or misspelled', () => {
    const snippets = [
      '<',
      '>',
      '&',
      '&lt;',
      ']]>',
      '\n',
      '\r\n',
      '\u0001',
      '\u0085',
      '\ufeff',
      '\uffff',
      ' ',
      '"',
      ',',
      '[',
      '1',
    ]
    const parts = [
      '<put>',
      '</put>\n',
      '<end>',
      '</delta>\n',
      '<table>',
      '<put >',
      '<!---->',
      '<x/>',
      '<?x?>',
      '\ud800',
    ]
    const change = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      drop: fc.nat({ max: 12 }),
      add: fc.constantFrom('', ...snippets, ...parts),
    })
    const seen = new Set<string>()
    fc.assert(
      fc.property(delta, fc.array(change, { maxLength: 2 }), (events, changes) => {
        let text = write(events)
        for (const { at, drop, add } of changes) {
          const place = Math.floor(at * text.length)
          text = text.slice(0, place) + add + text.slice(place + drop)
        }
        seen.add(codeOf(text))
      }),
      { numRuns: 2000 },
    )
    expect([...seen]).toEqual(expect.arrayContaining(['read', 'delta.invalid']))
  })

  it('needs no XML escape, one line a value', () => {
    const row = [...HOSTILE_TEXTS.slice(0, 5), '\ud800<']
    const text = write([
      { kind: 'head', head: HEAD },
      { kind: 'table', table: { name: 't', key: 'none', columns: row.map((_, i) => `c${i}`), clear: true } },
      { kind: 'put', row },
      { kind: 'end', counts: { puts: 1, deletes: 0, schemaChanges: 0 } },
    ])
    const line = text.split('<put>\n')[1]?.split('\n')[0] ?? ''
    expect(line).not.toMatch(/[<>&\ufffe\uffff\r]/)
    expect(JSON.parse(line)).toEqual(row)
    expect(Buffer.from(text).toString('utf8')).toBe(text)
  })

  it('is held a block at a time: rows come out while others are still on their way', () => {
    const writer = new DeltaWriter()
    const reader = new DeltaReader()
    reader.push(Buffer.from(writer.head(HEAD)))
    reader.push(Buffer.from(writer.table({ name: 't', key: 'none', columns: ['a'], clear: true })))
    const value = 'x'.repeat(1000)
    let [put, came, most] = [0, 0, 0]
    for (; put < 5000; put += 1) {
      came += reader.push(Buffer.from(writer.put([value]))).length
      most = Math.max(most, put + 1 - came)
    }
    expect(most * value.length).toBeLessThan(300 * 1024)
    came += reader.push(Buffer.from(writer.end())).filter((event) => event.kind === 'put').length
    expect(came).toBe(put)
  })
})

describe('[WF-13] what is not of the format', () => {
  const text = write(SAMPLE)

  it('every prefix is refused', () => {
    const bytes = Buffer.from(text)
    for (let length = 0; length < bytes.length - 1; length += 1)
      expect(codeOf(bytes.subarray(0, length)), String(length)).toBe('delta.invalid')
    expect(codeOf(bytes)).toBe('read')
  })

  it.each<[string, string, string]>([
    ['an unknown element', '<put>', '<row>'],
    ['an element out of order', '<table>', '<put></put><table>'],
    ['an attribute', '<put>', '<put a="1">'],
    ['an element inside', '[7,', '<b/>[7,'],
    ['an unknown field of the head', '{"lineage"', '{"x":1,"lineage"'],
    ['a missing field of the head', '"pageSize":4096,', ''],
    ['a page size that is none', '4096', '4097'],
    ['positions that fall', '[4,', '[6,'],
    ['an unknown field of a schema entry', '{"type"', '{"x":1,"type"'],
    ['an unknown field of a table', '{"name":"t","key"', '{"x":1,"name":"t","key"'],
    ['a row that is too short', '[7,', '['],
    ['a row that is too long', '[7,', '[7,7,'],
    ['a row that is no list', '[7,"\\u003cé\\u003e",{"b":"AQI="}]', '7'],
    ['a line that is no JSON', '[7,', '[7,,'],
    ['a wrong count of rows', '"puts":1', '"puts":2'],
    ['a wrong count of keys', '"deletes":1', '"deletes":0'],
    ['no schema change in spite of a schema', '"schemaChanges":1', '"schemaChanges":0'],
    ['an unknown field of the counts', '{"puts"', '{"x":1,"puts"'],
    ['text outside', '</head>', '</head>x'],
    ['something after the end', '</delta>', '</delta><delta/>'],
    ['text after the end', '</delta>', '</delta>x'],
    ['a section after the end', '</end>', '</end><put></put>'],
    ['a document type', '<delta', '<!DOCTYPE delta [<!ENTITY e "x">]><delta'],
    ['a CDATA section', '[7,', '<![CDATA[[7,]]>'],
    ['a comment', '<put>', '<!-- x --><put>'],
    ['another namespace', 'urn:nightferry:delta', 'urn:other'],
  ])('%s', (_what, part, other) => {
    expect(text).toContain(part)
    expect(codeOf(text.replace(part, other))).toBe('delta.invalid')
  })

  it('octets that are no UTF-8', () => {
    const bytes = Buffer.from(text)
    const at = bytes.indexOf(Buffer.from('é'))
    expect(codeOf(Buffer.concat([bytes.subarray(0, at), Buffer.from([0xc3, 0x28]), bytes.subarray(at + 2)]))).toBe(
      'delta.invalid',
    )
  })

  it('the writer refuses calls out of order and rows that do not fit', () => {
    const writer = new DeltaWriter()
    expect(() => writer.put([1n])).toThrow()
    writer.head(HEAD)
    expect(() => writer.head(HEAD)).toThrow()
    writer.table({ name: 't', key: 'rowid', columns: ['a'], clear: false })
    expect(() => writer.put([1n])).toThrow()
    expect(() => writer.touched([1n, 2n])).toThrow()
    writer.end()
    expect(() => writer.end()).toThrow()
  })
})

describe('[WF-14] the version', () => {
  it('of another format is refused by its own code', () => {
    expect(codeOf(write(SAMPLE).replace('version="1">', 'version="2">'))).toBe('protocol.unsupported-version')
    expect(codeOf(write(SAMPLE).replace(' version="1">', '>'))).toBe('protocol.unsupported-version')
  })
})
