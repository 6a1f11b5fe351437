/** Hostile Deltas against the real server: refused with their Status, the copy untouched, other devices served. */

import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DELTA_TYPE, type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { deltaOf, fileOf, HONEST_SCHEMA, HONEST_SQL, headOf, honestDelta, type Rows, T } from './material.ts'

let server: HostileServer
let attacker: HostileDevice
let bystander: HostileDevice
let before: string

beforeAll(async () => {
  server = await openHostileServer()
  attacker = await server.addDevice()
  bystander = await server.addDevice()
  const file = fileOf(HONEST_SQL)
  for (const device of [attacker, bystander])
    expect(await device.sendFile(file)).toMatchObject({ alert: 200, item: 200 })
  before = await server.copyState(attacker)
})
afterAll(() => server.close())

/** The refusal, the copy as it was, the server ready. */
async function refused(work: Promise<{ item?: number; http: number }>, ...expected: number[]): Promise<void> {
  const answer = await work
  expect(expected, JSON.stringify(answer)).toContain(answer.item)
  expect(await server.copyState(attacker)).toBe(before)
}

const xmlOf = () => honestDelta(attacker)
const put = (row: string) => `<put>\n${row}\n</put>\n`
/** The honest Delta with one text in place of another. */
function changed(from: string | RegExp, to: string): string {
  const text = xmlOf().replace(from, () => to)
  expect(text).not.toBe(xmlOf())
  return text
}

describe('gzip', () => {
  const zeros = (mib: number) => gzipSync(Buffer.alloc(mib * 1024 * 1024, 0x20), { level: 9 })
  it.each<[string, () => Uint8Array, number[]]>([
    ['a bomb of blanks', () => zeros(250), [413, 417, 500]],
    // Either bound may be met first: that of a line, or that of the process.
    [
      'a bomb inside a block',
      () => gzipSync(`${xmlOf().slice(0, -200)}${'1'.repeat(250 * 1024 * 1024)}`, { level: 1 }),
      [413, 417],
    ],
    ['a bomb in a bomb', () => gzipSync(zeros(100)), [500]],
    ['300 members, each a bomb', () => Buffer.concat(Array<Buffer>(300).fill(zeros(1))), [413, 417, 500]],
    ['half a gzip', () => gzipSync(xmlOf()).subarray(0, 200), [500]],
    ['a gzip without its last octet', () => gzipSync(xmlOf()).subarray(0, -1), [500]],
    ['no octet', () => new Uint8Array(), [500]],
    ['no gzip', () => Buffer.from(xmlOf()), [500]],
    ['a wrong checksum', () => Buffer.concat([gzipSync(xmlOf()).subarray(0, -8), Buffer.alloc(8, 1)]), [500]],
    ['a second document', () => Buffer.concat([gzipSync(xmlOf()), gzipSync(xmlOf())]), [500]],
    ['a second member of garbage', () => Buffer.concat([gzipSync(xmlOf()), gzipSync('garbage')]), [500]],
    ['trailing garbage', () => Buffer.concat([gzipSync(xmlOf()), Buffer.from('garbage')]), [500]],
  ])('[BK-8] %s', async (_, gzip, expected) => refused(attacker.sendDeltaGzip(gzip()), ...expected))
})

describe('XML', () => {
  it.each<[string, () => string]>([
    ['entities', () => `<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>${xmlOf()}`],
    ['an external entity', () => changed('<delta', '<!DOCTYPE delta SYSTEM "file:///etc/passwd"><delta')],
    ['depth', () => changed('<put>', '<put>'.repeat(100_000))],
    ['attributes', () => changed('<put>', `<put ${Array.from({ length: 50_000 }, (_, i) => `a${i}=""`).join(' ')}>`)],
    ['a huge attribute', () => changed('<put>', `<put a="${'x'.repeat(20_000_000)}">`)],
    ['a huge name', () => changed('<put>', `<${'p'.repeat(20_000_000)}>`)],
    ['CDATA', () => changed('<put>', '<put><![CDATA[]]>')],
    ['an instruction', () => changed('<put>', '<put><?x?>')],
    ['a reference to a character', () => changed('"changed"', '"&#x110000;"')],
    ['another root', () => xmlOf().replaceAll('delta', 'atled')],
    ['no end', () => xmlOf().slice(0, xmlOf().indexOf('<end>'))],
    ['something after the end', () => `${xmlOf()}<delta/>`],
    ['an unknown version', () => changed('version="1">', 'version="9">')],
    ['wrong UTF-8', () => `${xmlOf()}\ud800`],
  ])('[WF-13] %s', async (_, text) => refused(attacker.sendDelta(text()), 500, 513, 413))
})

describe('counts and rows', () => {
  const other = (table: Partial<Rows['table']>, more: Partial<Rows> = {}) =>
    deltaOf(headOf(attacker), undefined, [{ table: { ...T, ...table }, touched: [[1n]], puts: [[1n, 'x']], ...more }])
  const none = { key: 'none', columns: ['a', 'b'], clear: true } as const
  const unnamed = (name: string, columns: string[]) => {
    const { rowidColumn: _, ...plain } = T
    return deltaOf(headOf(attacker), undefined, [
      { table: { ...plain, ...none, name, columns }, puts: [columns.map(() => 'x')] },
    ])
  }
  it.each<[string, () => string, number[]]>([
    ['too few puts counted', () => changed('"puts":2', '"puts":1'), [500]],
    ['too many deletes counted', () => changed('"deletes":0', '"deletes":9'), [500]],
    ['a schema counted that is not there', () => changed('"schemaChanges":0', '"schemaChanges":1'), [500]],
    ['negative counts', () => changed('"puts":2', '"puts":-2'), [500]],
    ['a row that is too short', () => changed('[1,"changed"]', '[1]'), [500]],
    ['a row that is too long', () => changed('[1,"changed"]', '[1,"changed",2]'), [500]],
    ['a row that is no list', () => changed('[1,"changed"]', '{"length":2}'), [500]],
    ['a key of another width', () => changed('<touched>\n1\n', '<touched>\n[1,2]\n'), [500, 508]],
    ['a key that is an object', () => changed('<touched>\n1\n', '<touched>\n{"__proto__":1}\n'), [500]],
    ['a cell that is a list', () => changed('"changed"', '[]'), [500]],
    ['a cell with two tags', () => changed('"changed"', '{"i":"1","r":"1"}'), [500]],
    ['a cell that is __proto__', () => changed('"changed"', '{"__proto__":"1"}'), [500]],
    ['an integer of 65 bits', () => changed('"changed"', '{"i":"18446744073709551616"}'), [500]],
    ['a real that is none', () => changed('"changed"', '{"r":"NaN"}'), [500]],
    ['base64 that is none', () => changed('"changed"', '{"b":"*"}'), [500]],
    ['JSON nested 100,000 deep', () => changed('"changed"', '['.repeat(100_000)), [500]],
    ['a row twice', () => changed('[1,"changed"]', '[1,"changed"]\n[1,"changed"]'), [500]],
    ['a rowid that is text', () => changed('[1,"changed"]', '["one","changed"]'), [500, 508]],
    ['a table that is not there', () => other({ name: 'nowhere' }), [508]],
    ['a view', () => unnamed('v', ['x']), [508]],
    ['an index', () => unnamed('t_x', ['x']), [508]],
    ['sqlite_schema', () => unnamed('sqlite_schema', ['type', 'name', 'tbl_name', 'rootpage', 'sql']), [508]],
    ['sqlite_master', () => unnamed('SQLITE_master', ['type', 'name', 'tbl_name', 'rootpage', 'sql']), [508]],
    ['the meta of the copy', () => unnamed('_nightferry_copy_meta', ['key', 'value']), [508]],
    ['the meta in capitals', () => unnamed('_NIGHTFERRY_copy_META', ['key', 'value']), [508]],
    ['the objects', () => unnamed('_nightferry_copy_object', ['position', 'type', 'name', 'table_name', 'sql']), [508]],
    ['a system table that is not declared', () => unnamed('sqlite_stat1', ['tbl', 'idx', 'stat']), [508]],
    ['a system table by another case', () => unnamed('SQLITE_SEQUENCE', ['name', 'seq']), [508]],
    ['a pragma function', () => unnamed('pragma_table_info', ['name']), [508]],
    ['dbstat', () => unnamed('dbstat', ['name']), [508]],
    ['other columns', () => other({ columns: ['id', 'y'] }), [508]],
    ['a column twice', () => other({ columns: ['id', 'id'] }, { puts: [[1n, 1n]] }), [508]],
    ['a rowid column that is none', () => other({ rowidColumn: 'x' }), [508]],
    ['a name that is SQL', () => other({ name: 't"; DROP TABLE t; --' }), [508]],
    ['a name with a quote', () => other({ name: "t'--" }), [508]],
    ['a name with NUL', () => other({ name: 't\0' }), [508]],
    ['a row of a table without head', () => changed(/<table>.*<\/table>\n/, ''), [500]],
    ['the end twice', () => changed('</delta>', `${put('[2,"x"]')}</delta>`), [500]],
  ])('[BK-5] %s', async (_, text, expected) => refused(attacker.sendDelta(text()), ...expected))

  it('[BK-5] 2000 columns of a system table', async () => {
    const columns = Array.from({ length: 2000 }, (_, i) => `c${i}`)
    const table = { name: 'sqlite_sequence', key: 'none', columns, clear: true } as const
    await refused(attacker.sendDelta(deltaOf(headOf(attacker), HONEST_SCHEMA, [{ table }])), 500, 508)
  })
})

describe('positions', () => {
  it.each<[string, () => string, number[]]>([
    ['from beyond', () => honestDelta(attacker, [5, 6]), [508]],
    ['a number that is too large', () => changed('[2,"', '[9007199254740993,"'), [500]],
    ['a negative number', () => changed('[[1,', '[[-1,'), [500]],
    ['a fraction', () => changed('[[1,', '[[1.5,'), [500]],
    ['a forked token', () => changed(attacker.tokens[1] ?? '', 'c'.repeat(32)), [508]],
    ['another life', () => changed(attacker.lineage, 'c'.repeat(32)), [508]],
    ['the life of another device', () => changed(attacker.lineage, bystander.lineage), [508]],
    ['descending', () => honestDelta(attacker, [2, 1]), [500]],
    ['one only', () => honestDelta(attacker, [1]), [500]],
    [
      '1001',
      () =>
        honestDelta(
          attacker,
          Array.from({ length: 1001 }, (_, i) => i),
        ),
      [500],
    ],
    ['a lineage that is SQL', () => changed(attacker.lineage, "' OR 1=1;--"), [500]],
    ['another encoding', () => changed('UTF-8","auto', 'UTF-16le","auto'), [508]],
    ['a page size of 1', () => changed('"pageSize":4096', '"pageSize":1'), [500]],
    ['a field more', () => changed('"database":{', '"__proto__":{},"database":{'), [500]],
  ])('[BK-3] %s', async (_, text, expected) => refused(attacker.sendDelta(text()), ...expected))
})

it("[BK-3] a number as large as can be is the sender's own trouble, and a full backup ends it", async () => {
  const liar = await server.addDevice()
  await liar.sendFile(fileOf(HONEST_SQL))
  const largest = honestDelta(liar).replace('[2,"', `[${Number.MAX_SAFE_INTEGER},"`)
  expect(await liar.sendDelta(largest)).toMatchObject({ item: 200 })
  expect(await liar.send(202, DELTA_TYPE, gzipSync(honestDelta(liar, [2, 3])), liar.chain(2, 3))).toMatchObject({
    item: 508,
  })
  expect(await liar.sendFile(fileOf(HONEST_SQL))).toMatchObject({ alert: 200, item: 200 })
  expect(await liar.sendDelta(honestDelta(liar))).toMatchObject({ item: 200 })
})

it('[BK-13] others are served meanwhile and afterwards, and so is the attacker when he is honest', async () => {
  expect(await server.ready()).toBe(true)
  for (const device of [attacker, bystander])
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ alert: 200, item: 200 })
})
