/** Random Deltas for property tests: hostile texts, hard numbers, every kind of key; and their text. */

import fc from 'fast-check'
import type { DeltaEvent, DeltaHead, DeltaTable } from '../../schemas/delta/delta.ts'
import { keyWidth, rowWidth } from '../../schemas/delta/delta.ts'
import { DeltaWriter } from '../../schemas/delta/deltaWriter.ts'
import { type Cell, TextBytes } from '../../schemas/delta/value.ts'

export const HEAD: DeltaHead = {
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

export const HOSTILE_TEXTS = [
  '<a>&amp;]]>',
  '\r\n\t\u0000\u0085\u2028',
  '\ufffe\uffff\ufeff',
  '\ud800',
  '\udc00\ud83d',
  '😀"\\',
]
export const HARD_NUMBERS = [
  -0,
  0,
  1,
  1.5,
  1e300,
  5e-324,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** 53 + 2,
]
export const HARD_INTEGERS = [
  0n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]

export const cell: fc.Arbitrary<Cell> = fc.oneof(
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

export const table: fc.Arbitrary<DeltaTable> = fc
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
export const delta: fc.Arbitrary<DeltaEvent[]> = fc
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

export function write(events: readonly DeltaEvent[]): string {
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
