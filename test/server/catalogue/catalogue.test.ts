/** The catalogue: encrypted, durable, shared by processes, and each port's promises. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DatabaseRow, KnownLogin, RestoreRow } from '../../../server/catalogue/catalogue.ts'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { sqlDatastorePasswords } from '../../../server/catalogue/sqlite/datastorePasswords.ts'
import { sqlKnownLogins } from '../../../server/catalogue/sqlite/knownLogins.ts'
import { type Migration, migrate } from '../../../server/catalogue/sqlite/migrate.ts'
import { sqlNonceStore } from '../../../server/catalogue/sqlite/nonceStore.ts'
import { type CatalogueDb, openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { sqlRestores } from '../../../server/catalogue/sqlite/restores.ts'
import type { KeyRing } from '../../../server/keys/keyRing.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'

let dir: string
let keyRing: KeyRing
let db: CatalogueDb
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-catalogue-'))
  keyRing = openKeyRing({ dataDir: dir }).keyRing
  db = await openCatalogue(dir, keyRing)
})
afterEach(async () => {
  await db.destroy()
  rmSync(dir, { recursive: true, force: true })
})

const key = { accountId: 'a1', deviceId: 'IMEI:1', name: 'app' }
const row: DatabaseRow = {
  ...key,
  copyId: 'c1',
  kind: 'sql',
  wrappedKey: 'wrapped',
  lineage: 'a'.repeat(32),
  number: 4,
  token: 'b'.repeat(32),
  sizeBytes: 5_000_000_000,
  lastBackupAt: Date.UTC(2026, 1, 1),
  lastMode: 'full',
  createdAt: 1,
}

describe('databases', () => {
  it('keeps rows whole, with and without a reason', async () => {
    const databases = sqlDatabases(db)
    expect(await databases.get(key)).toBeUndefined()
    await databases.put(row)
    expect(await databases.get(key)).toEqual(row)
    const changed: DatabaseRow = { ...row, kind: 'file', reason: 'unknown collation', number: 9, lastMode: 'delta' }
    await databases.put(changed)
    expect(await databases.get(key)).toEqual(changed)
    await databases.put(row)
    expect(await databases.get(key)).toEqual(row)
    await databases.remove(key)
    expect(await databases.get(key)).toBeUndefined()
  })

  it('[RS-8] lists one account only', async () => {
    const databases = sqlDatabases(db)
    await databases.put(row)
    await databases.put({ ...row, accountId: 'a2', copyId: 'c2' })
    expect(await databases.list('a1')).toEqual([row])
    expect([...(await databases.listCopyIds())].sort()).toEqual(['c1', 'c2'])
  })

  it('[BK-13] switches to a new copy for one of two only', async () => {
    const databases = sqlDatabases(db)
    const other = await openCatalogue(dir, keyRing)
    const results = await Promise.all([
      databases.switchCopy(row, undefined),
      sqlDatabases(other).switchCopy({ ...row, copyId: 'c2' }, undefined),
    ])
    expect(results.filter(Boolean)).toHaveLength(1)
    const held = (await databases.get(key))?.copyId ?? ''
    expect(await databases.switchCopy({ ...row, copyId: 'c3' }, 'c9')).toBe(false)
    expect(await databases.switchCopy({ ...row, copyId: 'c3' }, held)).toBe(true)
    expect((await sqlDatabases(other).get(key))?.copyId).toBe('c3')
    await other.destroy()
  })
})

describe('known logins, nonces, restores', () => {
  it('[AC-4] keeps logins per account and device, and what was said of them', async () => {
    const logins = sqlKnownLogins(db)
    const login: KnownLogin = {
      userName: 'anna',
      deviceId: 'IMEI:1',
      accountId: 'a1',
      accountName: 'anna',
      ha1: 'h',
      lastAccessAt: 1,
      enabled: true,
      checkedAt: 1,
    }
    await logins.put(login)
    await logins.put({ ...login, accountId: 'a2', accountName: 'otto', userName: 'otto' })
    await logins.put({ ...login, ha1: 'h2' })
    expect(await logins.find('IMEI:1')).toHaveLength(2)
    await logins.touch('a1', 'IMEI:1', { lastAccessAt: 7 })
    await logins.touch('a1', 'IMEI:1', { lastAccessAt: 8, enabled: false, checkedAt: 8 })
    expect((await logins.find('IMEI:1')).find((kept) => kept.accountId === 'a1')).toEqual({
      ...login,
      ha1: 'h2',
      lastAccessAt: 8,
      enabled: false,
      checkedAt: 8,
    })
    await logins.remove('a2', 'IMEI:1')
    expect(await logins.find('IMEI:1')).toHaveLength(1)
  })

  it('[AC-14] keeps passwords of datastores, one each', async () => {
    const passwords = sqlDatastorePasswords(db)
    await passwords.put({ accountId: 'a1', lock: './notes', ha1: 'h1' })
    await passwords.put({ accountId: 'a1', lock: './contacts', ha1: 'h2' })
    await passwords.put({ accountId: 'a1', lock: './contacts', ha1: 'h3' })
    expect(await passwords.find('a1', './contacts')).toBe('h3')
    expect(await passwords.find('a2', './contacts')).toBeUndefined()
    expect(await passwords.list('a1')).toEqual(['./contacts', './notes'])
    await passwords.remove('a1', './notes')
    expect(await passwords.list('a1')).toEqual(['./contacts'])
  })

  it('[OM-11] keeps nonces of a login', async () => {
    const nonces = sqlNonceStore(db)
    const bytes = (text: string) => new Uint8Array(Buffer.from(text))
    expect(await nonces.read('anna', 'IMEI:1')).toEqual({})
    await nonces.accept('anna', 'IMEI:1', { next: bytes('n1'), previous: bytes('c1') })
    expect(await nonces.read('anna', 'IMEI:1')).toEqual({ next: bytes('n1'), previous: bytes('c1') })
    await nonces.accept('anna', 'IMEI:1', { next: bytes('n2') })
    expect(await nonces.read('anna', 'IMEI:1')).toEqual({ next: bytes('n2') })
  })

  it('[RS-10] keeps restores until they expire', async () => {
    const restores = sqlRestores(db)
    const restore: RestoreRow = {
      id: 'r1',
      accountId: 'a1',
      deviceId: 'IMEI:2',
      sourceDeviceId: 'IMEI:1',
      database: 'app',
      imageId: 'i1',
      wrappedContentKey: 'w1',
      segmentMap: 'a.b.c',
      lineage: 'a'.repeat(32),
      number: 4,
      token: 'b'.repeat(32),
      sourceCopyId: 'c1',
      segments: 3,
      sizeBytes: 10,
      sealedBytes: 8,
      createdAt: 1,
      expiresAt: 100,
    }
    await restores.put(restore)
    expect(await restores.get('r1')).toEqual(restore)
    await restores.markCompleted('r1', 50)
    expect(await restores.get('r1')).toEqual({ ...restore, completedAt: 50 })
    expect(await restores.listExpired(99)).toEqual([])
    expect(await restores.listExpired(100)).toHaveLength(1)
    expect(await restores.listImageIds()).toEqual(['i1'])
    await restores.remove('r1')
    expect(await restores.get('r1')).toBeUndefined()
  })
})

/** A process of its own that opens the data directory and puts 20 logins. */
async function writeInProcess(dataDir: string, name: string): Promise<void> {
  const server = new URL('../../../server/', import.meta.url).href
  const script = `
    import { openKeyRing } from '${server}keys/openKeyRing.ts'
    import { openCatalogue } from '${server}catalogue/sqlite/openCatalogue.ts'
    import { sqlKnownLogins } from '${server}catalogue/sqlite/knownLogins.ts'
    const [dataDir, name] = process.argv.slice(1)
    const db = await openCatalogue(dataDir, openKeyRing({ dataDir }).keyRing)
    const login = { userName: 'u', deviceId: 'd', accountName: 'u', ha1: 'h', lastAccessAt: 1, enabled: true, checkedAt: 1 }
    for (let count = 0; count < 20; count++) await sqlKnownLogins(db).put({ ...login, accountId: name + count })
    await db.destroy()`
  const child = execFile(process.execPath, ['--input-type=module', '-e', script, dataDir, name])
  const errors: string[] = []
  child.stderr?.on('data', (text: string) => errors.push(text))
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${errors.join('')}`)
}

describe('catalogue file', () => {
  it('[BK-10] shows nothing of what it holds', async () => {
    await sqlDatabases(db).put({ ...row, name: 'a canary of a name' })
    for (const name of readdirSync(dir)) {
      const bytes = readFileSync(join(dir, name))
      expect(bytes.includes('canary'), name).toBe(false)
      expect(bytes.includes('SQLite format 3'), name).toBe(false)
    }
  })

  it('is opened by several processes at once, also the first time, and all write', async () => {
    const fresh = mkdtempSync(join(tmpdir(), 'nightferry-catalogue-'))
    await Promise.all(['p1', 'p2', 'p3'].map((name) => writeInProcess(fresh, name)))
    const opened = await openCatalogue(fresh, openKeyRing({ dataDir: fresh }).keyRing)
    expect(await sqlKnownLogins(opened).find('d')).toHaveLength(60)
    await opened.destroy()
    rmSync(fresh, { recursive: true, force: true })
  })

  it('runs each step once, whole or not at all, and refuses data of a later version', async () => {
    const ran: string[] = []
    const step = (name: string, then?: () => void): Migration => ({
      name,
      up: async (trx) => {
        ran.push(name)
        await trx.schema.createTable(name).addColumn('x', 'integer').execute()
        then?.()
      },
    })
    const known = (await import('../../../server/catalogue/sqlite/migrations.ts')).catalogueMigrations
    const fails = step('fails', () => {
      throw new Error('power cut')
    })
    await expect(migrate(db, [...known, step('one'), fails])).rejects.toThrow('power cut')
    await migrate(db, [...known, step('one')])
    await migrate(db, [...known, step('one')])
    expect(ran).toEqual(['one', 'fails', 'one'])
    await expect(migrate(db, known)).rejects.toMatchObject({ code: 'config.invalid' })
  })
})
