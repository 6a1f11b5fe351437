/** Hostile SQLite files as full backups: refused, or kept as a sealed file that nobody here evaluates. */

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../server/sql/betterSqlite.ts'
import { DATABASE_FILE_TYPE, type HostileDevice, type HostileServer, openHostileServer } from './hostileServer.ts'
import { fileOf, HONEST_SQL, honestDelta } from './material.ts'

let server: HostileServer
let attacker: HostileDevice
let bystander: HostileDevice
let before: string
const honest = fileOf(HONEST_SQL)

beforeAll(async () => {
  server = await openHostileServer()
  attacker = await server.addDevice()
  bystander = await server.addDevice()
  for (const device of [attacker, bystander]) expect(await device.sendFile(honest)).toMatchObject({ item: 200 })
  before = await server.copyState(attacker)
})
afterAll(() => server.close())

/** Refused with one of these, the copy as it was, nothing left of the file. */
async function refused(file: Uint8Array, ...expected: number[]): Promise<void> {
  const answer = await attacker.sendFile(file)
  expect(expected, JSON.stringify(answer)).toContain(answer.item)
  expect(await server.copyState(attacker)).toBe(before)
  expect(readdirSync(join(server.data, 'copies')).filter((name) => /source|building/.test(name))).toEqual([])
}

function patched(bytes: Buffer, offset: number, ...values: number[]): Buffer {
  const copy = Buffer.from(bytes)
  copy.set(values, offset)
  return copy
}

/** The text `from` in the schema page replaced by one of equal length. */
function retext(from: string, to: string): Buffer {
  const at = honest.indexOf(from)
  expect(at).toBeGreaterThan(0)
  return patched(honest, at, ...Buffer.from(to.padEnd(from.length)))
}

describe('octets', () => {
  it.each<[string, () => Buffer]>([
    ['none', () => Buffer.alloc(0)],
    ['one', () => Buffer.alloc(1)],
    ['the header alone', () => honest.subarray(0, 100)],
    ['half', () => honest.subarray(0, Math.floor(honest.length / 2))],
    ['one octet less', () => honest.subarray(0, -1)],
    ['one page less', () => honest.subarray(0, -4096)],
    ['noise', () => randomBytes(40_960)],
    ['an encrypted file', () => Buffer.concat([randomBytes(16), honest.subarray(16)])],
    ['a page size of 513', () => patched(honest, 16, 2, 1)],
    ['a page size of 0', () => patched(honest, 16, 0, 0)],
    ['a page size of 32768 in a smaller file', () => patched(honest, 16, 0x80, 0)],
    ['a page size of 512 in a larger file', () => patched(honest, 16, 2, 0)],
    ['a page count of 4 billion', () => patched(honest, 28, 0xff, 0xff, 0xff, 0xff)],
    ['reserved octets 255', () => patched(honest, 20, 255)],
    ['reserved octets that shift every cell', () => patched(honest, 20, 200)],
    ['an unknown write version', () => patched(honest, 18, 9, 9)],
    ['an unknown encoding', () => patched(honest, 56, 0, 0, 0, 7)],
    ['an unknown schema format', () => patched(honest, 44, 0, 0, 0, 99)],
    ['payload fractions', () => patched(honest, 21, 1, 1, 1)],
    ['a free list in a circle', () => patched(honest, 32, 0, 0, 0, 2, 0, 0, 0, 200)],
    ['a schema page of another kind', () => patched(honest, 100, 0x0a)],
    ['a schema page of no kind', () => patched(honest, 100, 0x55)],
    ['more cells than fit', () => patched(honest, 103, 0xff, 0xff)],
    ['cells that begin in the header', () => patched(honest, 105, 0, 1)],
    ['a child that is its own parent', () => patched(honest, 4096, 5, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 2)],
    ['a WAL file', () => Buffer.concat([Buffer.from([0x37, 0x7f, 0x06, 0x82]), randomBytes(8188)])],
    ['gzip in gzip', () => gzipSync(honest)],
  ])('[BK-9] %s', async (_, file) => refused(file(), 415), 20_000)

  it.each<[string, () => Uint8Array]>([
    ['cut off', () => gzipSync(honest).subarray(0, 500)],
    ['with a wrong checksum', () => Buffer.concat([gzipSync(honest).subarray(0, -8), Buffer.alloc(8)])],
    ['with garbage behind it', () => Buffer.concat([gzipSync(honest), gzipSync('garbage')])],
    ['that is a bomb', () => gzipSync(Buffer.alloc(300_000_001), { level: 9 })],
  ])(
    '[BK-9] gzip %s',
    async (_, gzip) => {
      const answer = await attacker.sendGzip(gzip())
      expect([415, 417]).toContain(answer.item)
      expect(await server.copyState(attacker)).toBe(before)
    },
    20_000,
  )

  it('[BK-9] any octet of the schema page changed: refused, or read for what it is', async () => {
    const answers = new Set<number | undefined>()
    const device = await server.addDevice()
    for (let at = 100; at < 4096; at += 61) {
      const answer = await device.sendFile(patched(honest, at, (honest[at] ?? 0) ^ (1 << (at % 8))), 'bits')
      answers.add(answer.item)
    }
    for (let at = 3900; at < 4096; at += 7)
      answers.add((await device.sendFile(patched(honest, at, (honest[at] ?? 0) ^ 0xff), 'bits')).item)
    expect([...answers].filter((status) => ![200, 409, 415, 510].includes(status ?? 0))).toEqual([])
  }, 30_000)
})

describe('formats that are odd and honest', () => {
  it.each([512, 1024, 8192, 65_536])('[BK-1] pages of %i', async (size) => {
    const device = await server.addDevice()
    expect(await device.sendFile(fileOf(HONEST_SQL, [`page_size=${size}`]))).toMatchObject({ item: 200 })
    expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
  })

  it('[BK-9] a header in WAL mode, plain and through gzip', async () => {
    const device = await server.addDevice()
    expect(await device.sendFile(patched(honest, 18, 2, 2), 'app', DATABASE_FILE_TYPE)).toMatchObject({ item: 200 })
    expect((await server.copyState(device)).split('\n')[0]).toContain('"sql"')
  })
})

describe('schemas of files', () => {
  const view = 'CREATE VIEW v AS SELECT x FROM t'
  it.each<[string, () => Buffer, number[]]>([
    ['a text that is ATTACH', () => retext(view, "ATTACH '/tmp/nf-x' AS a"), [200, 415]],
    ['a text that is DROP', () => retext(view, 'DROP TABLE t'), [200, 415]],
    [
      'a table that is a view',
      () => retext('CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'CREATE VIEW t AS SELECT 1'),
      [200, 415],
    ],
    [
      'a table of another name',
      () => retext('CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'CREATE TABLE z(id INTEGER PRIMARY KEY, x)'),
      [200, 415],
    ],
    [
      'a table of other columns',
      () => retext('CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'CREATE TABLE t(x)'),
      [200, 415],
    ],
    [
      'a table from a select',
      () => retext('CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'CREATE TABLE t AS SELECT 1'),
      [200, 415],
    ],
    [
      'a table of another storage',
      () => retext('CREATE TABLE t(id INTEGER PRIMARY KEY, x)', 'CREATE TABLE t(x PRIMARY KEY)WITHOUT ROWID'),
      [200, 415],
    ],
    ['no text', () => retext(view, ''), [200, 415]],
  ])('[BK-6] %s: refused, or kept sealed and given back as it came', async (_, file, expected) => {
    const device = await server.addDevice()
    const answer = await device.sendFile(file())
    expect(expected, JSON.stringify(answer)).toContain(answer.item)
    if (answer.item === 200) expect((await server.copyState(device)).split('\n')[0]).toContain('"kind":"file"')
  })

  it('[BK-7] names of ours', async () => refused(fileOf('CREATE TABLE _nightferry_copy_meta(key, value)'), 409))

  it('[BK-6] what would run if it were evaluated never is', async () => {
    const device = await server.addDevice()
    const endless = 'WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c'
    const file = fileOf(`${HONEST_SQL}; CREATE VIEW w AS ${endless};
      CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO s(y) ${endless}; END; CREATE VIRTUAL TABLE f USING fts5(a)`)
    expect(await device.sendFile(file)).toMatchObject({ item: 200 })
    expect((await server.copyState(device)).split('\n')[0]).toContain('"kind":"sql"')
  })

  const heavy = "instr(printf('%.*c', 20000000, 'a'), printf('%.*c', 10000000, 'a') || x || 'b')"
  it.each([
    [
      'an index over an endless search',
      `CREATE TABLE big(x); INSERT INTO big VALUES ('a')`,
      `CREATE INDEX big_i ON big(x)`,
      `CREATE INDEX big_i ON big(${heavy})`,
    ],
    [
      'a partial index with an endless condition',
      `CREATE TABLE big(x); INSERT INTO big VALUES ('a')`,
      `CREATE INDEX big_i ON big(x)`,
      `CREATE INDEX big_i ON big(x) WHERE ${heavy}`,
    ],
    [
      'a generated column of a gigabyte',
      `CREATE TABLE big(x); INSERT INTO big VALUES ('a')`,
      'CREATE TABLE big(x)',
      'CREATE TABLE big(x, y AS (hex(zeroblob(499999999))))',
    ],
  ])(
    '[BK-8] %s ends at the limits',
    async (_, sql, from, to) => {
      // Written by hand into the schema: SQLite itself would evaluate it while it is made.
      const index = from.startsWith('CREATE INDEX') ? `; ${from}` : ''
      const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
      const file = rewritten(
        `${sql}${index}`,
        `UPDATE sqlite_schema SET sql = ${literal(to)} WHERE sql = ${literal(from)}`,
      )
      const device = await server.addDevice()
      const started = performance.now()
      const [answer] = await Promise.all([device.sendFile(file), honestNight()])
      expect([200, 415, 417], JSON.stringify(answer)).toContain(answer.item)
      expect(performance.now() - started).toBeLessThan(25_000)
    },
    20_000,
  )
})

/** A file whose schema was changed by hand. */
function rewritten(sql: string, change: string): Buffer {
  const path = join(server.data, `made-${randomBytes(6).toString('hex')}.db`)
  const db = openDatabase(path, { cipher: { kind: 'none' }, create: true })
  db.exec(sql)
  db.writableSchema(true)
  db.exec(change)
  db.close()
  return readFileSync(path)
}

/** Somebody else's night while an attack goes on. */
async function honestNight(): Promise<void> {
  const device = await server.addDevice()
  expect(await device.sendFile(honest)).toMatchObject({ item: 200 })
  expect(await device.sendDelta(honestDelta(device))).toMatchObject({ item: 200 })
}

it('[BK-8] the server and the others go on', async () => {
  expect(await server.ready()).toBe(true)
  expect(await bystander.sendDelta(honestDelta(bystander))).toMatchObject({ item: 200 })
  expect(await attacker.sendDelta(honestDelta(attacker))).toMatchObject({ item: 200 })
})
