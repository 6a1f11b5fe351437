/**
 * Structured damage: valid Deltas, files and messages, broken in places that are near to valid ones. Run through the real
 * server; whatever comes of it must be one of the answers it may give.
 */

import { gzipSync } from 'node:zlib'
import { encodeMessage } from '../../schemas/syncml/codec.ts'
import { messageArbitrary } from '../support/messageArbitrary.ts'
import fc from '../support/properties.ts'
import type { HostileDevice, HostileServer } from './hostileServer.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf, T } from './material.ts'

/** Statuses a bad Item may get: never 500 for an `internal` error, which is told from `delta.invalid` by the log. */
const ITEM_ANSWERS: ReadonlySet<number | undefined> = new Set([200, 400, 409, 413, 415, 417, 500, 508, 510, undefined])

export interface FuzzTarget {
  readonly server: HostileServer
  readonly device: HostileDevice
  /** What the server logged as a mistake of its own. */
  readonly mistakes: readonly string[]
}

/** One place of a text replaced by what has broken readers before. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.integer({ min: 0, max: 40 }),
  put: fc.constantFrom(
    '',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '\n',
    '<',
    '>',
    '</put>',
    '<put>',
    '<touched>',
    '<table>',
    '<schema>',
    '&',
    '\0',
    '\ud800',
    '\uffff',
    '-1',
    '0',
    '1e400',
    '9007199254740993',
    '{"i":"1"}',
    '{"r":"-0"}',
    '{"t":"/w=="}',
    '{"b":""}',
    'null',
    'true',
    '"rowid"',
    '"none"',
    '[]',
    '{}',
    '__proto__',
    '_nightferry_copy_meta',
    'sqlite_schema',
    'sqlite_sequence',
    'CREATE TABLE',
    'AS SELECT 1',
    'WITHOUT ROWID',
    '"keep"',
    '"replace"',
    ';',
    '--',
    '/*',
    "'",
    '`',
    '()',
    ' UNIQUE',
    ' CHECK(1)',
    ' REFERENCES t',
    ' COLLATE x',
    ' DEFAULT (1)',
    ' AS (x)',
    ' STRICT',
  ),
})

const apply = (text: string, edits: readonly { at: number; cut: number; put: string }[]): string =>
  edits.reduce((held, { at, cut, put }) => {
    const index = Math.floor(at * held.length)
    return held.slice(0, index) + put + held.slice(index + cut)
  }, text)

const damage = (bytes: Buffer, spots: readonly { at: number; value: number; length: number }[]): Buffer => {
  const copy = Buffer.from(bytes)
  for (const { at, value, length } of spots) {
    const start = Math.floor(at * copy.length)
    copy.fill(value, start, Math.min(start + length, copy.length))
  }
  return copy
}

const spots = fc.array(
  fc.record({
    // Half of the damage where it counts: in the first page.
    at: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.1, noNaN: true })),
    value: fc.integer({ min: 0, max: 255 }),
    length: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 4 },
)

async function expectAnswer(target: FuzzTarget, work: Promise<{ item?: number; http: number }>): Promise<void> {
  const answer = await work
  if (answer.http >= 500 || !ITEM_ANSWERS.has(answer.item)) throw new Error(`answered ${JSON.stringify(answer)}`)
  if (target.mistakes.length > 0) throw new Error(`the server logged: ${target.mistakes[0]}`)
}

/** Runs `numRuns` damaged Deltas; the head stays whole in most, so that damage gets behind it. */
export const fuzzDeltas = (target: FuzzTarget, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.boolean(), async (edits, withHead) => {
      const { device } = target
      const rows = {
        table: T,
        touched: [[1n], [2n], [9n]],
        puts: [
          [1n, 'x'],
          [2n, 1.5],
          [9n, new Uint8Array(3)],
        ],
      }
      const text = deltaOf(headOf(device), HONEST_SCHEMA, [rows])
      const from = withHead ? 0 : text.indexOf('<schema>')
      await expectAnswer(target, device.sendDelta(text.slice(0, from) + apply(text.slice(from), edits)))
    }),
    { numRuns },
  )

export const fuzzGzip = (target: FuzzTarget, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(spots, async (where) => {
      const gzip = gzipSync(deltaOf(headOf(target.device), undefined, []))
      await expectAnswer(target, target.device.sendDeltaGzip(damage(gzip, where)))
    }),
    { numRuns },
  )

const seeds = [
  fileOf(HONEST_SQL),
  fileOf(HONEST_SQL, ['page_size=512']),
  fileOf(HONEST_SQL, ['auto_vacuum=1', 'page_size=1024']),
]

export const fuzzFiles = (target: FuzzTarget, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(fc.nat(seeds.length - 1), spots, async (which, where) => {
      const file = seeds[which] ?? Buffer.alloc(0)
      await expectAnswer(target, target.device.sendFile(damage(file, where), 'fuzzed'))
    }),
    { numRuns },
  )

/** Messages with valid credentials, any commands at all, and damage in some. */
export const fuzzMessages = (target: FuzzTarget, numRuns: number) =>
  fc.assert(
    fc.asyncProperty(
      messageArbitrary,
      fc.option(spots),
      fc.constantFrom('xml' as const, 'wbxml' as const),
      async (message, where, encoding) => {
        const { device } = target
        let bytes: Buffer
        try {
          bytes = Buffer.from(encodeMessage({ ...message, header: device.header() }, encoding))
        } catch {
          // What cannot be written is no message.
          return
        }
        const response = await device.postOctets(where ? damage(bytes, where) : bytes, encoding)
        await response.arrayBuffer()
        if (response.status >= 500) throw new Error(`HTTP ${response.status}`)
        if (target.mistakes.length > 0) throw new Error(`the server logged: ${target.mistakes[0]}`)
      },
    ),
    { numRuns },
  )
