/**
 * The page's client with sql.js against a real server, without a browser: the traps that hold for pages, reloads, and
 * a restore that is cut off.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import initSqlJs, { type Database, type SqlJsStatic } from 'sql.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBrowserClient } from '../../../device-client/browser/openBrowserClient.ts'
import { exportDatabase } from '../../../device-client/browser/sqlJs.ts'
import type { DeviceClient } from '../../../device-client/deviceClient.ts'
import type { KeyStore } from '../../../device-client/ports.ts'
import { canonicalDump } from '../../support/canonicalDump.ts'
import { startServer, type TestAccount, type TestServer } from '../../support/startServer.ts'

let sqlJs: SqlJsStatic
let server: TestServer
let account: TestAccount
let folder: string
beforeAll(async () => {
  sqlJs = await initSqlJs()
  server = await startServer()
  account = await server.createAccount()
  folder = mkdtempSync(join(tmpdir(), 'nightferry-pages-'))
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function memoryKeyStore(): KeyStore & { readonly records: Map<string, Uint8Array> } {
  const records = new Map<string, Uint8Array>()
  return {
    records,
    get: async (key) => records.get(key),
    set: async (key, value) => void records.set(key, value),
    delete: async (key) => void records.delete(key),
  }
}

/** A page: its database, its stored records, its client; `reload` keeps only what was stored. */
class TestPage {
  readonly keyStore = memoryKeyStore()
  readonly device: string
  databases = new Map<string, Database>()
  client: DeviceClient | undefined
  restored = new Uint8Array()

  constructor(device: string) {
    this.device = device
  }

  static async open(device: string): Promise<TestPage> {
    const page = new TestPage(device)
    await page.reload()
    await page.app.init({ server: server.url, ...account, device })
    return page
  }

  get app(): DeviceClient {
    if (!this.client) throw new Error('the page is not open')
    return this.client
  }

  get database(): Database {
    const found = this.databases.get('app') ?? new sqlJs.Database()
    this.databases.set('app', found)
    return found
  }

  async reload(store: (database: Database) => Uint8Array = exportDatabase): Promise<void> {
    const stored = [...this.databases].map(([name, database]) => [name, store(database)] as const)
    this.databases = new Map(stored.map(([name, octets]) => [name, new sqlJs.Database(octets)]))
    const onRestored = async ({ octets }: { octets: Uint8Array }) => {
      this.restored = octets.slice()
    }
    const { client } = await openBrowserClient({
      sqlJs,
      databases: this.databases,
      keyStore: this.keyStore,
      version: 'test',
      onRestored,
    })
    this.client = client
  }

  dump(): string {
    return dumpOctets(this.database.export())
  }
}

function dumpOctets(octets: Uint8Array): string {
  const path = join(folder, 'dumped.db')
  writeFileSync(path, octets)
  return canonicalDump(path)
}

let pages = 0
const openPage = () => TestPage.open(`page-${++pages}`)

/** Restores what `page` backed up onto a new page and compares; the new page goes on without a full backup. */
async function expectRestorable(page: TestPage): Promise<void> {
  const other = await openPage()
  await other.app.restore({ database: 'app', to: 'app', fromDevice: page.device, password: account.password })
  expect(dumpOctets(other.restored)).toBe(page.dump())
  expect(other.dump()).toBe(page.dump())
  expect(await other.app.backup('app')).toMatchObject({ mode: 'none' })
}

const T = 'CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);'

const traps: Record<string, { readonly setup: string; readonly nights: readonly string[] }> = {
  'storage classes: 1 and 1.0, 64 bits, NUL and ill-formed text': {
    setup: 'CREATE TABLE v(id INTEGER PRIMARY KEY, x); INSERT INTO v VALUES(1,1)',
    nights: [
      `INSERT INTO v(x) VALUES(1.0),(-0.0),(9e999),(-9e999),(9223372036854775807),(-9223372036854775808),(9007199254740993),
       (x''),(NULL),(''),('a'||char(0)||'b'),(CAST(x'ff41c0' AS TEXT)),(1e300),(5e-324),(2147483648),(-2147483649),('\u{1F600}')`,
      'UPDATE v SET x=1.0 WHERE id=1',
      'UPDATE v SET x=1 WHERE id=1',
    ],
  },
  'REPLACE victims and swapped UNIQUE values': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2),(3,'z',3)`,
    nights: [
      "INSERT OR REPLACE INTO t VALUES(9,'x',9); UPDATE OR REPLACE t SET a='y' WHERE id=3",
      "UPDATE t SET a='tmp' WHERE id=9; UPDATE t SET a='x' WHERE id=3; UPDATE t SET a='y' WHERE id=9",
    ],
  },
  'WITHOUT ROWID, large keys, key changes': {
    setup:
      "CREATE TABLE w(k, n, v, PRIMARY KEY(k, n)) WITHOUT ROWID; INSERT INTO w VALUES(9007199254740993,1.5,1),(x'00',2,2)",
    nights: ['UPDATE w SET k=k+1 WHERE n=1.5', "DELETE FROM w WHERE n=2; INSERT INTO w VALUES('k'||char(0),-0.0,x'')"],
  },
  'schema changes': {
    setup: `${T} INSERT INTO t VALUES(1,'x',1),(2,'y',2); CREATE TABLE u(x)`,
    nights: [
      "ALTER TABLE t ADD COLUMN c DEFAULT 'd'; CREATE TABLE n(k TEXT PRIMARY KEY); INSERT INTO n VALUES(NULL),('k')",
      'ALTER TABLE t RENAME COLUMN b TO bb; ALTER TABLE u RENAME TO uu; DROP TABLE n',
      `DROP TABLE t; ${T} CREATE INDEX i ON t(lower(a)) WHERE b>1; INSERT INTO t VALUES(1,'Q',2)`,
    ],
  },
  'a table without a key, VACUUM, AUTOINCREMENT': {
    setup:
      'CREATE TABLE k(x); INSERT INTO k VALUES(1),(2),(3); CREATE TABLE a(id INTEGER PRIMARY KEY AUTOINCREMENT, x)',
    nights: ['DELETE FROM k WHERE x=2; INSERT INTO a(x) VALUES(1),(2)', 'VACUUM; DELETE FROM a WHERE id=2'],
  },
}

describe('[DC-25] traps in a page', () => {
  it.each(Object.entries(traps))('%s', async (_, trap) => {
    const page = await openPage()
    page.database.exec(trap.setup)
    await page.app.add({ path: 'app' })
    expect(await page.app.backup('app')).toMatchObject({ mode: 'full' })
    for (const night of trap.nights) {
      page.database.exec(night)
      expect(await page.app.backup('app')).toMatchObject({ mode: 'delta' })
    }
    await expectRestorable(page)
  })
})

describe('[DC-26] reloads', () => {
  const setup = `CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE loose(x);
    INSERT INTO t VALUES(1,'x',1),(2,'y',2); INSERT INTO loose VALUES(1)`

  it('a page that stored its database has nothing to send, and goes on with Deltas', async () => {
    const page = await openPage()
    page.database.exec(setup)
    await page.app.add({ path: 'app' })
    await page.app.backup('app')
    page.database.exec("ALTER TABLE t ADD COLUMN c DEFAULT 'all alike'")
    await page.app.backup('app')
    await page.reload()
    expect(await page.app.backup('app')).toMatchObject({ mode: 'none' })
    page.database.exec('DELETE FROM t WHERE id=1')
    await page.reload()
    expect(await page.app.backup('app')).toMatchObject({ mode: 'delta', deletes: 1 })
    await expectRestorable(page)
  })

  // SQLite's backup, by which sql.js exports, begins the schema cookie anew at 1.
  it('[DC-7] a page that stores by export() loses no schema change, however its cookie comes to stand', async () => {
    const page = await openPage()
    page.database.exec(setup)
    await page.app.add({ path: 'app' })
    await page.app.backup('app')
    const plain = (database: Database) => database.export()
    await page.reload(plain)
    await page.app.backup('app')
    await page.reload(plain)
    await page.app.backup('app')
    page.database.exec('ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b')
    await page.reload(plain)
    expect(await page.app.backup('app')).toMatchObject({ mode: 'delta' })
    await expectRestorable(page)
  })
})

describe('what the server cannot apply', () => {
  it('[BK-6] [DC-10] a definition that only the page can evaluate: the whole file follows in the same run', async () => {
    const page = await openPage()
    page.database.exec(`${T} INSERT INTO t VALUES(1,'x',1)`)
    await page.app.add({ path: 'app' })
    await page.app.backup('app')
    page.database.exec('CREATE INDEX i ON t(a) WHERE b = "a string in double quotes"')
    expect(await page.app.backup('app')).toMatchObject({ mode: 'full' })
    await expectRestorable(page)
  })
})

describe('[RS-5] [RS-6] a restore in a page', () => {
  it('keeps what it fetched when it is cut off, replaces nothing if the page refuses, and leaves no record', async () => {
    const page = await openPage()
    page.database.exec(`${T} INSERT INTO t VALUES(1, randomblob(3000000), 1)`)
    await page.app.add({ path: 'app' })
    await page.app.backup('app')

    const other = await openPage()
    const old = other.database
    old.exec('CREATE TABLE old(x)')
    const refusing = await openBrowserClient({
      sqlJs,
      databases: other.databases,
      keyStore: other.keyStore,
      version: 'test',
      onRestored: async () => {
        throw new Error('the page is full')
      },
    })
    const wanted = { database: 'app', to: 'app', fromDevice: page.device, password: account.password }
    await expect(refusing.client.restore(wanted)).rejects.toThrow('the page is full')
    expect(other.database).toBe(old)
    const kept = [...other.keyStore.records.keys()].filter((key) => key.startsWith('restore/'))
    expect(kept.filter((key) => key.includes('/segment/')).length).toBeGreaterThan(1)

    const report = await other.app.restore(wanted)
    expect(report.bytesReceived).toBe(0)
    expect(other.dump()).toBe(page.dump())
    expect([...other.keyStore.records.keys()].filter((key) => key.startsWith('restore/'))).toEqual([])
  })
})
