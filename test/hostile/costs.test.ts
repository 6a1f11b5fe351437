/** Definitions that eat time and memory: the process that evaluates them ends at its limits, the copy stays. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { SchemaEntry } from '../../schemas/delta/delta.ts'
import { type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf, honestDelta, type Rows } from './material.ts'

let server: HostileServer
let attacker: HostileDevice
let before: string

beforeAll(async () => {
  server = await openHostileServer()
})
beforeEach(async () => {
  attacker = await server.addDevice()
  expect(await attacker.sendFile(fileOf(HONEST_SQL))).toMatchObject({ item: 200 })
  before = await server.copyState(attacker)
})
afterAll(() => server.close())

const table = (sql: string, name = 'x', rows: 'keep' | 'replace' = 'replace'): SchemaEntry => ({
  type: 'table',
  name,
  tableName: name,
  sql,
  rows,
})
const index = (sql: string, name = 'x_i', tableName = 't'): SchemaEntry => ({ type: 'index', name, tableName, sql })
const withHonest = (...more: SchemaEntry[]) => deltaOf(headOf(attacker), [...HONEST_SCHEMA, ...more])
async function refused(xml: string, ...expected: number[]): Promise<void> {
  const answer = await attacker.sendDelta(xml)
  expect(expected, JSON.stringify(answer)).toContain(answer.item)
  expect(await server.copyState(attacker)).toBe(before)
}

/** Quadratic in a text of 20 million characters. */
const ENDLESS = "instr(printf('%.*c', 20000000, 'a'), printf('%.*c', 10000000, 'a') || a || 'b')"

describe('definitions that eat', () => {
  const eating = (sql: string, rows?: Partial<Rows>) =>
    deltaOf(
      headOf(attacker),
      [...HONEST_SCHEMA, table(sql)],
      [
        {
          table: { name: 'x', key: 'rowid', columns: ['a'], clear: false },
          touched: [[1n]],
          puts: [[1n, 'a'.repeat(2000)]],
          ...rows,
        },
      ],
    )
  const doubling = Array.from(
    { length: 40 },
    (_, i) => `, c${i} AS (${i === 0 ? 'a||a' : `c${i - 1}||c${i - 1}`}) STORED`,
  ).join('')
  it.each<[string, () => string]>([
    ['zeroblob in a stored column', () => eating('CREATE TABLE x(a, b AS (zeroblob(999999999)) STORED)')],
    ['hex of zeroblob', () => eating('CREATE TABLE x(a, b AS (hex(zeroblob(499999999))) STORED)')],
    ['printf', () => eating("CREATE TABLE x(a, b AS (printf('%*c', 900000000, 'x')) STORED)")],
    ['replace', () => eating("CREATE TABLE x(a, b AS (replace(replace(replace(a, 'a', a), 'a', a), 'a', a)) STORED)")],
    ['forty doublings', () => eating(`CREATE TABLE x(a${doubling})`)],
    ['a search without end', () => eating(`CREATE TABLE x(a, b AS (${ENDLESS}) STORED)`)],
    ['JSON', () => eating("CREATE TABLE x(a, b AS (json(printf('%.*c', 400000000, '['))) STORED)")],
    [
      'an index over a search without end',
      () =>
        deltaOf(
          headOf(attacker),
          [...HONEST_SCHEMA, table('CREATE TABLE x(a)'), index(`CREATE INDEX x_i ON x(${ENDLESS})`, 'x_i', 'x')],
          [
            {
              table: { name: 'x', key: 'rowid', columns: ['a'], clear: false },
              touched: [[1n]],
              puts: [[1n, 'a'.repeat(2000)]],
            },
          ],
        ),
    ],
  ])('[BK-8] %s', async (_, xml) => refused(xml(), 417, 508), 20_000)

  it.each([
    ['LIKE', `CREATE TABLE x(a, b AS (a LIKE '${'%a_'.repeat(4000)}%b') STORED)`],
    ['GLOB', `CREATE TABLE x(a, b AS (a GLOB '${'*a?'.repeat(4000)}*b') STORED)`],
  ])('[BK-8] a pattern for %s that is all wildcards ends by itself', async (_, sql) => {
    expect(await attacker.sendDelta(eating(sql))).toMatchObject({ item: 200 })
  })

  it('[BK-11] a default or check is never evaluated', async () => {
    const xml = eating('CREATE TABLE x(a CHECK (zeroblob(999999999) IS NULL), b DEFAULT (hex(zeroblob(499999999))))', {
      table: { name: 'x', key: 'rowid', columns: ['a', 'b'], clear: false },
      puts: [[1n, 'a', 'b']],
    })
    expect(await attacker.sendDelta(xml)).toMatchObject({ item: 200 })
  })

  it.each<[string, () => string, number[]]>([
    [
      '20,001 objects',
      () =>
        deltaOf(
          headOf(attacker),
          Array.from({ length: 20_001 }, (_, i) => table(`CREATE TABLE x${i}(a)`, `x${i}`)),
        ),
      [413],
    ],
    [
      '2001 columns',
      () => withHonest(table(`CREATE TABLE x(${Array.from({ length: 2001 }, (_, i) => `c${i}`).join()})`)),
      [508],
    ],
    [
      'a definition of a million characters',
      () => withHonest(table(`CREATE TABLE x(a DEFAULT '${'x'.repeat(1_000_000)}')`)),
      [500, 508],
    ],
    [
      'an expression nested 100,000 deep',
      () => withHonest(table(`CREATE TABLE x(a CHECK (${'('.repeat(100_000)}1${')'.repeat(100_000)}))`)),
      [508],
    ],
    ['a sum of 100,000', () => withHonest(table(`CREATE TABLE x(a CHECK (${'1+'.repeat(100_000)}1))`)), [508]],
    [
      '65 unknown functions',
      () => withHonest(table(`CREATE TABLE x(a CHECK (${Array.from({ length: 65 }, (_, i) => `f${i}()`).join('+')}))`)),
      [508],
    ],
    [
      '2000 tables of unknown functions',
      () =>
        withHonest(
          ...Array.from({ length: 2000 }, (_, i) =>
            table(
              `CREATE TABLE x${i}(a CHECK (${Array.from({ length: 40 }, (_v, n) => `f${i}_${n}()`).join('+')}))`,
              `x${i}`,
            ),
          ),
        ),
      [200, 417],
    ],
  ])(
    '[BK-6] %s',
    async (_, xml, expected) => {
      const answer = await attacker.sendDelta(xml())
      expect(expected, JSON.stringify(answer)).toContain(answer.item)
      if (answer.item !== 200) expect(await server.copyState(attacker)).toBe(before)
    },
    20_000,
  )
})

it('[BK-8] the server goes on', async () => {
  expect(await server.ready()).toBe(true)
  expect(await attacker.sendDelta(honestDelta(attacker))).toMatchObject({ item: 200 })
})
