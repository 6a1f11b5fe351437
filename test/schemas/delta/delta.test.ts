/** The Delta on the wire: what the writer writes the reader reads, in any chunking; anything else is refused. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeltaEvent, DeltaHead, DeltaTable } from '../../../schemas/delta/delta.ts'
import { keyWidth, rowWidth } from '../../../schemas/delta/delta.ts'
import { DeltaReader } from '../../../schemas/delta/deltaReader.ts'
import { DeltaWriter } from '../../../schemas/delta/deltaWriter.ts'
import { type Cell, decodeCell, encodeCell, TextBytes } from '../../../schemas/delta/value.ts'
import { CodedError } from '../../../schemas/errors.ts'

const HEAD: DeltaHead = {
  lineage: 'a'.repeat(32),
  positions: [
    { number: 4, token: 'b'.repeat(32) },
    { number: 5, token: 'c'.repeat(32) },
  ],
  database: {
    ...{ pageSize: 4096, encoding: 'UTF-8', autoVacuum: 0 },
    ...{ userVersion: -1, applicationId: 7, journalMode: 'wal' },
  },
}

const HOSTILE_TEXTS = [
  '<a>&amp;]]>',
  '\r\n\t\u0000\u0085\u2028',
  '\ufffe\uffff\ufeff',
  '\ud800',
  '\udc00\ud83d',
  '😀"\\',
]
const HARD_NUMBERS = [-0, 0, 1, 1.5, 1e300, 5e-324, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53 + 2]
const HARD_INTEGERS = [0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)]

const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.constant(null),
  fc.constantFrom(...HARD_INTEGERS),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(...HARD_NUMBERS),
  fc.double({ noNaN: true }),
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 4 }).map((units) => String.fromCharCode(...units)),
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => new TextBytes(bytes)),
)

const table: fc.Arbitrary<DeltaTable> = fc
  .record({
    name: fc.constantFrom('t', 'ta"ble <&>', '😀', ''),
    shape: fc.constantFrom<Pick<DeltaTable, 'key' | 'rowidColumn' | 'clear'>>(
      { key: 'rowid', clear: false },
      { key: 'rowid', rowidColumn: 'a', clear: false },
      { key: ['a', 'b'], clear: false },
      { key: 'rowid', clear: true },
      { key: 'none', clear: true },
    ),
  })
  .map(({ name, shape }) => ({ name, columns: ['a', 'b'], ...shape }))

/** A Delta as its events; every row that enters was touched, unless the table is cleared. */
const delta: fc.Arbitrary<DeltaEvent[]> = fc
  .array(
    table.chain((head) =>
      fc.record({
        head: fc.constant(head),
        puts: fc.array(fc.array(cell, { minLength: rowWidth(head), maxLength: rowWidth(head) }), { maxLength: 4 }),
        keys: fc.array(fc.array(cell, { minLength: keyWidth(head), maxLength: keyWidth(head) }), {
          minLength: head.clear ? 0 : 4,
          maxLength: head.clear ? 0 : 6,
        }),
      }),
    ),
    { maxLength: 3 },
  )
  .map((tables) => {
    const events: DeltaEvent[] = [{ kind: 'head', head: HEAD }]
    const counts = { puts: 0, deletes: 0, schemaChanges: 0 }
    for (const { head, puts, keys } of tables) {
      events.push({ kind: 'table', table: head })
      events.push(...keys.map((key) => ({ kind: 'touched' as const, key })))
      events.push(...puts.map((row) => ({ kind: 'put' as const, row })))
      counts.puts += puts.length
      counts.deletes += head.clear ? 0 : keys.length - puts.length
    }
    return [...events, { kind: 'end', counts }]
  })

function write(events: readonly DeltaEvent[]): string {
  const writer = new DeltaWriter()
  const writeEvent = (event: DeltaEvent): string => {
    if (event.kind === 'head') return writer.head(event.head)
    if (event.kind === 'schema') return writer.schema(event.objects, event.objects.length)
    if (event.kind === 'table') return writer.table(event.table)
    if (event.kind === 'touched') return writer.touched(event.key)
    return event.kind === 'put' ? writer.put(event.row) : writer.end()
  }
  return events.map(writeEvent).join('')
}

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

function codeOf(text: string | Uint8Array): string {
  try {
    read(typeof text === 'string' ? Buffer.from(text) : text)
    return 'read'
  } catch (cause) {
    return cause instanceof CodedError ? cause.code : String(cause)
  }
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
