/** A device compares its database with the server's copy: what was put into either behind our backs is found and repaired. */

import { afterEach, expect, it } from 'vitest'
import { canonicalDigest } from '../../support/canonicalDump.ts'
import fc from '../../support/properties.ts'
import { openVerifyBench, type VerifyBench } from '../../support/verifyBench.ts'

const SETUP = `CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, value);
CREATE TABLE label(uid TEXT, part INT, note, PRIMARY KEY(uid, part)) WITHOUT ROWID;
CREATE TABLE folded(name TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID;
CREATE TABLE plain(a, b);
CREATE TABLE counted(id INTEGER PRIMARY KEY AUTOINCREMENT, v);
CREATE TABLE falling(k INTEGER, v, PRIMARY KEY(k DESC)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5(text);
CREATE TRIGGER made AFTER DELETE ON item BEGIN DELETE FROM label WHERE uid = OLD.name; END;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9000)
INSERT INTO item SELECT i, 'item '||i, CASE i%5 WHEN 0 THEN i WHEN 1 THEN i*1.0 WHEN 2 THEN NULL WHEN 3 THEN randomblob(20) ELSE 't'||i END FROM n;
INSERT INTO label SELECT name, id%3, value FROM item WHERE id<=3000;
INSERT INTO folded SELECT 'Item '||id, id FROM item WHERE id<=50;
INSERT INTO plain SELECT id, value FROM item WHERE id<=200;
INSERT INTO counted(v) SELECT name FROM item WHERE id<=10;
INSERT INTO falling SELECT id, name FROM item WHERE id<=20;
INSERT INTO words SELECT name FROM item WHERE id<=20;
ANALYZE;`

let bench: VerifyBench
afterEach(() => bench.close())

/** Table, kind and number of what differs. */
const summaryOf = (report: Awaited<ReturnType<VerifyBench['verify']>>): unknown =>
  report.differences.map(({ table = '', kind, count }) => [table, kind, count])

it('[DC-100, VF-1, VF-2, WF-83] an equal copy is found equal, whatever its tables are; a difference anywhere is found, named and repaired', {
  timeout: 120_000,
}, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  const equal = await bench.verify({ full: true })
  expect(equal).toMatchObject({ differences: [], form: 'full', complete: true, pending: 0, skipped: [], repair: false })
  expect(equal.rows).toBeGreaterThan(12_000)
  await bench.withCopy((copy) => {
    copy.exec(`UPDATE item SET value=1.0 WHERE id=5; UPDATE item SET value=CAST('t4' AS BLOB) WHERE id=4;
      DELETE FROM item WHERE id IN (77, 8999); INSERT INTO item VALUES(20000, 'foreign', 0);
      UPDATE label SET note='x' WHERE uid='item 12'; DELETE FROM folded WHERE name='ITEM 7';
      UPDATE plain SET b='other' WHERE a=9; UPDATE falling SET v='other' WHERE k=3;
      UPDATE _nightferry_copy_sqlite_sequence SET seq=99;
      UPDATE _nightferry_copy_object SET sql=sql||' ' WHERE type='trigger';
      UPDATE _nightferry_copy_meta SET value=7 WHERE key='userVersion'`)
  })
  const found = await bench.verify({ full: true })
  expect(summaryOf(found)).toEqual([
    ['', 'header', 1],
    ['', 'schema', 1],
    ['item', 'changed', 2],
    ['item', 'missing', 2],
    ['item', 'extra', 1],
    ['label', 'changed', 1],
    ['folded', 'missing', 1],
    ['plain', 'changed', 1],
    ['sqlite_sequence', 'table', 1],
    ['falling', 'table', 1],
  ])
  expect(found.differences.find(({ kind }) => kind === 'extra')?.keys).toEqual(['20000'])
  // It changed nothing: the next backup has nothing to send.
  expect(await bench.backup()).toMatchObject({ mode: 'none' })
  expect((await bench.verify({ full: true, repair: true })).repair).toBe(true)
  expect(await bench.backup()).toMatchObject({ mode: 'delta' })
  expect(summaryOf(await bench.verify({ full: true }))).toEqual([])
  expect(canonicalDigest(await bench.restore())).toBe(canonicalDigest(bench.path))
  expect(await bench.backup()).toMatchObject({ mode: 'none' })
})

it('[DC-101] what changed since the last backup is no difference, and hides none', { timeout: 60_000 }, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  bench.app(`UPDATE item SET value='new' WHERE id BETWEEN 100 AND 140; DELETE FROM item WHERE id=200;
    INSERT INTO item VALUES(30000, 'made', 1); DELETE FROM label WHERE uid='item 300'; INSERT INTO plain VALUES(1000, 2);
    UPDATE plain SET b='mine' WHERE a=3; INSERT INTO counted(v) VALUES(1); INSERT INTO words VALUES('more')`)
  const report = await bench.verify({ full: true })
  expect(report.differences).toEqual([])
  expect(report.pending).toBeGreaterThan(40)
  await bench.withCopy((copy) => {
    copy.exec("UPDATE item SET value='theirs' WHERE id IN (100, 141); UPDATE plain SET b='theirs' WHERE a IN (3, 4)")
  })
  expect(summaryOf(await bench.verify({ full: true }))).toEqual([
    ['item', 'changed', 1],
    ['plain', 'changed', 1],
  ])
  bench.app('ALTER TABLE folded ADD COLUMN late')
  expect(await bench.verify({ full: true })).toMatchObject({ skipped: ['folded'] })
})

it('[DC-102, VF-3] the part form reads a bounded number of rows, goes on where it stopped, and ends a round', {
  timeout: 60_000,
}, async () => {
  bench = await openVerifyBench(`CREATE TABLE big(id INTEGER PRIMARY KEY, v);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<55000) INSERT INTO big SELECT i, 'row '||i FROM n;
    CREATE TABLE small(a PRIMARY KEY) WITHOUT ROWID; INSERT INTO small VALUES(1)`)
  await bench.backup()
  const runs = []
  for (let run = 0; run < 4; run++) runs.push(await bench.verify())
  expect(runs.map(({ rows }) => rows)).toEqual([20_480, 20_480, 14_041, 20_480])
  expect(runs.map(({ complete }) => complete)).toEqual([false, false, true, false])
  expect(runs[1]?.completeAt).toBeUndefined()
  expect(runs[3]?.completeAt).toBe(runs[2]?.completeAt)
  await bench.withCopy((copy) => copy.exec("UPDATE big SET v='x' WHERE id=30001"))
  const found = await bench.verify({ repair: true })
  expect(summaryOf(found)).toEqual([['big', 'changed', 1]])
  const repair = await bench.backup()
  expect(repair).toMatchObject({ mode: 'delta', puts: 1 })
  // A difference of one row costs some thousand octets, however large its table.
  expect(found.bytesReceived).toBeLessThan(20_000)
  const [listed] = (await bench.client.status()).databases
  expect(listed?.lastVerified).toMatchObject({ form: 'part', differences: 1 })
})

it('[DC-103] random differences on either side are exactly found and repaired', { timeout: 240_000 }, async () => {
  bench = await openVerifyBench(SETUP)
  await bench.backup()
  const change = fc.record({
    table: fc.constantFrom('item', 'label', 'plain'),
    kind: fc.constantFrom('changed', 'missing', 'extra'),
    at: fc.integer({ min: 1, max: 9000 }),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(change, { selector: ({ table, at }) => `${table} ${at}`, maxLength: 30 }),
      async (all) => {
        const expected = new Map<string, number>()
        await bench.withCopy((copy) => {
          for (const { table, kind, at } of all) {
            const changed = copy.prepare(statementOf(table, kind, at)).run()
            if (changed > 0) expected.set(`${table} ${kind}`, (expected.get(`${table} ${kind}`) ?? 0) + changed)
          }
        })
        const found = await bench.verify({ full: true, repair: true })
        const counts = new Map(found.differences.map(({ table, kind, count }) => [`${table} ${kind}`, count]))
        expect(counts).toEqual(expected)
        if (expected.size > 0) expect(await bench.backup()).toMatchObject({ mode: 'delta' })
        expect((await bench.verify({ full: true })).differences).toEqual([])
      },
    ),
    { numRuns: 12 },
  )
  expect(canonicalDigest(await bench.restore())).toBe(canonicalDigest(bench.path))
})

/** Makes one row of the copy other than the device's. */
function statementOf(table: string, kind: string, at: number): string {
  const key = table === 'item' ? `id=${at}` : table === 'label' ? `uid='item ${at}'` : `a=${at}`
  if (kind === 'changed')
    return `UPDATE ${table} SET ${table === 'item' ? 'value' : table === 'label' ? 'note' : 'b'}='${at} other' WHERE ${key}`
  if (kind === 'missing') return `DELETE FROM ${table} WHERE ${key}`
  const values =
    table === 'item'
      ? `${20_000 + at}, 'foreign ${at}', 1`
      : table === 'label'
        ? `'foreign ${at}', 1, 1`
        : `${at}, 'foreign'`
  return `INSERT INTO ${table} VALUES(${values})`
}
