/** An account that nobody can open any more. Rules KY-11 to KY-14. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compactVerify, importJWK, type JWK } from 'jose'
import { type Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../../../server/account/password.ts'
import { accountMigrations } from '../../../server/account/sqlite/accountTables.ts'
import { openAccountStore } from '../../../server/account/sqlite/openAccountStore.ts'
import { sqlErasures } from '../../../server/catalogue/sqlite/erasures.ts'
import { catalogueMigrations } from '../../../server/catalogue/sqlite/migrations.ts'
import { openSqliteFile } from '../../../server/catalogue/sqlite/openSqliteFile.ts'
import { sqlTraces } from '../../../server/catalogue/sqlite/traces.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { openDatabase } from '../../../server/sql/betterSqlite.ts'
import { ERASE_STEPS } from '../../../server/steps.ts'
import { KILLER } from '../../crash/crashAgent.ts'
import { orderKill } from '../../crash/crashServer.ts'
import { SERVER_PROGRAM } from '../../support/programs.ts'
import { addPassing, OWNER, type StockedFolder, stockFolder, withCatalogue } from '../keys/stockedFolder.ts'

const PASSWORD = 'correct horse battery'
const FILES = [
  'copies/copy-1.db',
  'copies/copy-1.db-wal',
  'copies/copy-0.db',
  'images/i-1.image',
  'storage/images/i-1/0',
]

let dir: string
let stock: StockedFolder
let wrapped: readonly string[]
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-erase-'))
  stock = await stockFolder(join(dir, 'data'), async (dataDir) => openKeyRing({ dataDir }).keyRing)
  await addPassing(stock.folder, ring())
  const accounts = await openAccountStore(stock.folder, ring())
  const passwordHash = await hashPassword(PASSWORD)
  for (const [accountId, name] of [
    ['a_1', 'anna'],
    ['a_2', 'berta'],
  ] as const)
    await accounts.addAccount({ accountId, name, passwordHash, createdAt: 1, disabled: false })
  await accounts.close()
  await withCatalogue(stock.folder, ring(), (db) =>
    sqlTraces(db).put({ ...OWNER, since: 0, until: Date.now() + 3_600_000 }),
  )
  for (const file of ['catalogue', 'accounts'])
    await withFile(file, async (db) => {
      await fillTables(db, 'a_1')
      await fillTables(db, 'a_2')
    })
  for (const path of FILES) {
    mkdirSync(join(stock.folder, path, '..'), { recursive: true })
    writeFileSync(join(stock.folder, path), 'sealed octets')
  }
  wrapped = await withCatalogue(stock.folder, ring(), async (db) => [
    ...(await db.selectFrom('database').select('wrappedKey').where('accountId', '=', 'a_1').execute()).map(
      (row) => row.wrappedKey,
    ),
    ...(await db.selectFrom('pastCopy').select('wrappedKey').where('accountId', '=', 'a_1').execute()).map(
      (row) => row.wrappedKey,
    ),
    ...(await db.selectFrom('restore').select('wrappedContentKey').where('accountId', '=', 'a_1').execute()).map(
      (row) => row.wrappedContentKey,
    ),
  ])
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const ring = () => openKeyRing({ dataDir: join(dir, 'data') }).keyRing

type AnyTables = Record<string, Record<string, unknown>>

async function withFile<T>(name: string, work: (db: Kysely<AnyTables>) => Promise<T>): Promise<T> {
  const path = join(stock.folder, `${name}.sqlite`)
  const migrations = name === 'accounts' ? accountMigrations : catalogueMigrations
  const db = await openSqliteFile<AnyTables>({ path, context: name, migrations }, ring())
  return await work(db).finally(() => db.destroy())
}

async function tablesWith(db: Kysely<AnyTables>, column: string) {
  return (await db.introspection.getTables()).filter(({ columns }) => columns.some(({ name }) => name === column))
}

/** A row of the account in every table that has none yet, whatever its columns: also of tables that come later. */
async function fillTables(db: Kysely<AnyTables>, accountId: string): Promise<void> {
  for (const { name, columns } of await tablesWith(db, 'accountId')) {
    if ((await countOf(db, name, 'accountId', accountId)) > 0) continue
    const values = columns.map((column) => {
      if (column.name === 'accountId') return [column.name, accountId]
      return [column.name, column.dataType.toLowerCase() === 'text' ? `of_${accountId}` : 1]
    })
    await db.insertInto(name).values(Object.fromEntries(values)).execute()
  }
}

async function countOf(db: Kysely<AnyTables>, table: string, column: string, value: string): Promise<number> {
  const { rows } = await sql<{
    n: number
  }>`SELECT count(*) AS n FROM ${sql.table(table)} WHERE ${sql.ref(column)} = ${value}`.execute(db)
  return Number(rows[0]?.n)
}

/** Tables that have rows of the account, by file. */
async function tablesOf(accountId: string): Promise<readonly string[]> {
  const found: string[] = []
  for (const file of ['catalogue', 'accounts'])
    await withFile(file, async (db) => {
      for (const { name } of await tablesWith(db, 'accountId'))
        if ((await countOf(db, name, 'accountId', accountId)) > 0) found.push(`${file}.${name}`)
    })
  return found.sort()
}

/** Everything that the file of the catalogue holds, decrypted, free parts of pages included. */
function plainOctets(): Buffer {
  const path = join(stock.folder, 'catalogue.sqlite')
  const key = ring().unwrap(readFileSync(`${path}.key`, 'utf8').trim(), 'catalogue')
  const db = openDatabase(path, { cipher: { kind: 'aegis', key } })
  try {
    return db.serialize()
  } finally {
    db.close()
  }
}

const heldKeys = () => {
  const octets = plainOctets()
  return wrapped.filter((text) => octets.includes(text)).length
}

async function expectErased(): Promise<void> {
  expect(await tablesOf('a_1')).toEqual([])
  expect(heldKeys()).toBe(0)
  for (const path of FILES) expect(`${path} ${existsSync(join(stock.folder, path))}`).toBe(`${path} false`)
  expect(filesIn('traces')).toEqual([])
}

describe('[KY-11] [KY-12] deleting an account', () => {
  it('leaves no row of it in any table, nor a file, and others as they were', async () => {
    const before = await tablesOf('a_2')
    expect(before.length).toBeGreaterThan(12)
    expect(await tablesOf('a_1')).toEqual(before)
    const server = await stock.server()
    const { receipt } = await server.erasure.erase({ accountId: 'a_1', accountName: 'anna' })
    await server.close()
    expect(receipt).toMatchObject({
      accountName: 'anna',
      copies: 1,
      pastCopies: 1,
      // One of them is a Delivery's.
      restores: 2,
      sizeBytes: 20,
      devices: 1,
    })
    await expectErased()
    expect(await tablesOf('a_2')).toEqual(before)
  })

  it('takes what work that was under way wrote later', async () => {
    const server = await stock.server()
    await server.erasure.erase({ accountId: 'a_1', accountName: 'anna' })
    await server.close()
    await withFile('catalogue', (db) => fillTables(db, 'a_1'))
    expect((await tablesOf('a_1')).length).toBeGreaterThan(8)
    const later = await stock.server()
    await later.listen()
    await later.close()
    expect(await tablesOf('a_1')).toEqual([])
  })

  it('takes the password of the owner, and no token alone', async () => {
    const server = await stock.server()
    const { url } = await server.listen()
    const { accessToken } = await server.accounts.login('anna', PASSWORD)
    const erase = (password: string, token = accessToken) =>
      fetch(`${url}/api/v1/account/erase`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ password }),
      })
    expect((await erase('wrong')).status).toBe(401)
    const { secret } = await server.accounts.registerDevice('a_2', 'till', 'nf-2')
    const device = await server.accounts.loginDevice('nf-2', secret)
    expect((await erase(PASSWORD, device.accessToken)).status).toBe(403)
    expect((await tablesOf('a_1')).length).toBeGreaterThan(12)
    expect((await erase(PASSWORD)).status).toBe(200)
    await server.close()
    expect(await tablesOf('a_1')).toEqual([])
  })
})

it('[KY-13] no wrapped key is left in the octets of the catalogue or its log', async () => {
  expect(heldKeys()).toBe(wrapped.length)
  expect(wrapped).toHaveLength(3)
  const server = await stock.server()
  await server.erasure.erase({ accountId: 'a_1', accountName: 'anna' })
  // The receipt is written after the log was emptied: it holds nothing but that.
  expect(statSync(join(stock.folder, 'catalogue.sqlite-wal')).size).toBeLessThan(100_000)
  cpSync(stock.folder, join(dir, 'copied'), { recursive: true })
  await server.close()
  expect(heldKeys()).toBe(0)
  for (const name of readdirSync(join(dir, 'copied'), { recursive: true, encoding: 'utf8' })) {
    const path = join(dir, 'copied', name)
    if (statSync(path).isFile()) for (const text of wrapped) expect(readFileSync(path).includes(text)).toBe(false)
  }
})

describe('[KY-14] the receipt', () => {
  it('is signed, kept, and names the keys that were destroyed', async () => {
    const server = await stock.server()
    const { currentKeyId } = server.keys
    const { receipt, signed, signingKey } = await server.erasure.erase({ accountId: 'a_1', accountName: 'anna' })
    const { payload } = await compactVerify(signed, await importJWK(signingKey as JWK, 'EdDSA'))
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual(receipt)
    expect(receipt.keys.map(({ what, keyId }) => [what, keyId])).toEqual([
      ['copy', currentKeyId],
      ['past copy', currentKeyId],
      ['restore', currentKeyId],
      // The Delivery that filled its table: no key wraps it.
      ['restore', ''],
    ])
    expect(new Set(receipt.keys.map(({ fingerprint }) => fingerprint)).size).toBe(4)
    expect(await server.erasure.list()).toEqual([{ receipt, signed, signingKey }])
    await server.close()
  })

  it.each(ERASE_STEPS)(
    'a kill at %s: the next start goes on',
    async (step) => {
      const killFile = join(dir, 'kill')
      const order = orderKill(killFile, step, 1, 'self')
      const args = [SERVER_PROGRAM, 'account', 'delete', 'anna', '--confirm', 'anna', '--data', stock.folder, '--json']
      const environment = { NODE_OPTIONS: `--import=${KILLER}`, NIGHTFERRY_KILL_FILE: killFile }
      const child = spawn(process.execPath, args, { env: { ...process.env, ...environment }, stdio: 'ignore' })
      const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
      expect([signal, order.happened()]).toEqual(['SIGKILL', true])
      // From the first of them on.
      expect(
        await withCatalogue(stock.folder, ring(), (db) =>
          db.selectFrom('database').selectAll().where('accountId', '=', 'a_1').execute(),
        ),
      ).toEqual([])
      const server = await stock.server()
      await server.listen()
      expect((await server.erasure.list()).map(({ receipt }) => [receipt.accountName, receipt.copies])).toEqual([
        ['anna', 1],
      ])
      await server.close()
      await expectErased()
      await withCatalogue(stock.folder, ring(), async (db) => expect(await sqlErasures(db).listOpen()).toEqual([]))
    },
    60_000,
  )
})

function filesIn(name: string): readonly string[] {
  const folder = join(stock.folder, name)
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return names.filter((entry) => statSync(join(folder, entry)).isFile())
}
