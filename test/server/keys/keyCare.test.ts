/** Rotation of the master key over one of everything that needs it. Rules KY-3 to KY-8. */

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sqlDatabases } from '../../../server/catalogue/sqlite/databases.ts'
import { openKeyRing, openKeys } from '../../../server/keys/openKeyRing.ts'
import { joinFolder } from '../../../server/sql/folderLock.ts'
import { addPassing, type Opener, type StockedFolder, stockFolder, withCatalogue } from './stockedFolder.ts'

const HEX = ['1', '2', '3'].map((digit) => digit.repeat(64)) as [string, string, string]

let dir: string
let stock: StockedFolder
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-care-'))
  stock = await stockFolder(join(dir, 'data'), async (dataDir) => openKeyRing({ dataDir }).keyRing)
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const ringNow = () => openKeyRing({ dataDir: stock.folder }).keyRing
const master = () => join(stock.folder, 'master.key')

/** What each kind of object gives: `same`, or a code. */
async function openAll(openers: Readonly<Record<string, Opener>>, keyRing = ringNow()) {
  const found: Record<string, string> = {}
  for (const [kind, open] of Object.entries(openers))
    found[kind] = await open(keyRing).catch((cause: { code?: string }) => cause.code ?? String(cause))
  return found
}

const allSame = (openers: Readonly<Record<string, Opener>>) =>
  Object.fromEntries(Object.keys(openers).map((kind) => [kind, 'same']))

describe('[KY-3] [KY-4] a rotation', () => {
  it('wraps everything anew and forgets the old key; what the old key was is not needed any more', async () => {
    const before = ringNow()
    const server = await stock.server()
    const status = await server.keyCare.rotate(true)
    await server.close()
    expect(status.currentKeyId).not.toBe(before.currentKeyId)
    expect(status).toMatchObject({ source: 'file', masterKeyFile: master(), olderKeyIds: [] })
    expect(status.uses.map(({ what, objects }) => `${what} ${objects}`).sort()).toEqual([
      'accounts 1',
      'catalogue 1',
      'copies 1',
      'past copies 1',
      'restores 1',
      'segment map key 1',
      'server passwords 1',
      'signing keys 1',
    ])
    expect(new Set(status.uses.map(({ keyId }) => keyId))).toEqual(new Set([status.currentKeyId]))
    rmSync(`${master()}.${before.currentKeyId}`)
    expect(statSync(master()).mode & 0o777).toBe(0o600)
    expect(await openAll(stock.openers)).toEqual(allSame(stock.openers))
    expect(ringNow().serverId).toBe(before.serverId)
    expect(readFileSync(join(stock.folder, 'keyring.json'), 'utf8')).not.toContain(before.currentKeyId)
  })

  it('keeps the old key for what only has to end, and forgets it when that has ended', async () => {
    const before = ringNow()
    const passing = await addPassing(stock.folder, before)
    const server = await stock.server()
    const status = await server.keyCare.rotate(true)
    expect(status.olderKeyIds).toEqual([before.currentKeyId])
    const older = status.uses.filter(({ keyId }) => keyId === before.currentKeyId)
    expect(older.map(({ what }) => what).sort()).toEqual(['arriving objects', 'traced messages'])
    rmSync(`${master()}.${before.currentKeyId}`)
    expect(await openAll({ ...stock.openers, ...passing })).toEqual(allSame({ ...stock.openers, ...passing }))
    // A second one meanwhile: both older keys are read with.
    expect((await server.keyCare.rotate(true)).olderKeyIds).toEqual([before.currentKeyId])
    expect(await openAll(passing)).toEqual(allSame(passing))
    for (const folder of ['spool', 'traces']) rmSync(join(stock.folder, folder), { recursive: true, force: true })
    await server.close()
    const again = await stock.server()
    await again.listen()
    expect((await again.keyCare.status()).olderKeyIds).toEqual([])
    await again.close()
  })

  it('goes from a file to the environment, to a command and to another file', async () => {
    const script = join(stock.folder, 'client.mjs')
    writeFileSync(script, `console.log('${HEX[1]}')`)
    const command = `${process.execPath} ${script}`
    const other = join(stock.folder, 'other.key')
    const steps = [
      { environment: {}, secrets: { newMasterKey: HEX[0] }, now: { environment: HEX[0] } },
      { environment: { NIGHTFERRY_NEW_MASTER_KEY_COMMAND: command }, secrets: { masterKey: HEX[0] }, now: { command } },
      {
        environment: { NIGHTFERRY_MASTER_KEY_COMMAND: command, NIGHTFERRY_NEW_MASTER_KEY_FILE: other },
        secrets: {},
        now: { file: other },
      },
    ]
    for (const { environment, secrets, now } of steps) {
      const server = await stock.server(environment, secrets)
      await server.keyCare.rotate(true)
      await server.close()
      const { keyRing } = await openKeys(stock.folder, now)
      expect(await openAll(stock.openers, keyRing)).toEqual(allSame(stock.openers))
    }
  })

  it('without a new key for one that is no file, or to the same key, changes nothing', async () => {
    const first = await stock.server({}, { newMasterKey: HEX[0] })
    await first.keyCare.rotate(true)
    await first.close()
    const kept = readFileSync(join(stock.folder, 'keyring.json'), 'utf8')
    for (const secrets of [{ masterKey: HEX[0] }, { masterKey: HEX[0], newMasterKey: HEX[0] }]) {
      const server = await stock.server({}, secrets)
      await expect(server.keyCare.rotate(true)).rejects.toMatchObject({ code: 'config.invalid' })
      await server.close()
    }
    expect(readFileSync(join(stock.folder, 'keyring.json'), 'utf8')).toBe(kept)
  })
})

describe('[KY-5] work that was under way', () => {
  it('a running server keeps the older key, and writes no key of a copy that stays', async () => {
    const before = ringNow()
    const server = await stock.server()
    const [row] = await server.databases.list('a_1')
    expect((await server.keyCare.rotate(false)).olderKeyIds).toEqual([before.currentKeyId])
    await server.close()
    await withCatalogue(stock.folder, ringNow(), async (db) => {
      if (row === undefined) throw new TypeError('the folder has a copy')
      // A Delta that began before writes the row it knew.
      expect(await sqlDatabases(db).switchCopy({ ...row, number: 4 }, row.copyId)).toBe(true)
      const now = await sqlDatabases(db).get(row)
      expect(now?.number).toBe(4)
      expect(now?.wrappedKey).toContain(ringNow().currentKeyId)
    })
  })
})

describe('[KY-6] a folder that others have open', () => {
  it('is not rotated, and whoever comes meanwhile waits', async () => {
    const server = await stock.server()
    const other = joinFolder(join(stock.folder, 'keyring.lock'))
    const before = readFileSync(join(stock.folder, 'keyring.json'), 'utf8')
    await expect(server.keyCare.rotate(true)).rejects.toMatchObject({ code: 'session.busy' })
    expect(readFileSync(join(stock.folder, 'keyring.json'), 'utf8')).toBe(before)
    const late = server.keyCare.rotate(true)
    setTimeout(() => other.close(), 200)
    expect((await late).olderKeyIds).toEqual([])
    await server.close()
  })
})

describe('[KY-7] a rotation that was cut off', () => {
  it('before its moment leaves the old key, after it the new one', async () => {
    const before = ringNow()
    writeFileSync(`${master()}.next`, readFileSync(master(), 'utf8').replace(/\n.*\n$/, `\n${HEX[0]}\n`))
    chmodSync(`${master()}.next`, 0o600)
    expect(ringNow().currentKeyId).toBe(before.currentKeyId)
    const ring = ringNow()
    ring.rotate(Buffer.from(HEX[0], 'hex'), 1)
    // Only the name was missing.
    expect(ringNow().currentKeyId).toBe(ring.currentKeyId)
    expect(
      readdirSync(stock.folder)
        .filter((name) => name.startsWith('master.key'))
        .sort(),
    ).toEqual(['master.key', `master.key.${before.currentKeyId}`])
    expect(await openAll(stock.openers)).toEqual(allSame(stock.openers))
    const server = await stock.server()
    await server.listen()
    expect((await server.keyCare.status()).olderKeyIds).toEqual([])
    await server.close()
    expect(await openAll(stock.openers)).toEqual(allSame(stock.openers))
  })
})

describe('[KY-8] a wrong key and damage are two errors', () => {
  it('the key of before is told from any other', async () => {
    const before = ringNow()
    await addPassing(stock.folder, before)
    const server = await stock.server()
    const { currentKeyId } = await server.keyCare.rotate(true)
    await server.close()
    renameSync(`${master()}.${before.currentKeyId}`, join(stock.folder, 'old.key'))
    const open = () => openKeyRing({ dataDir: stock.folder, masterKeyFile: join(stock.folder, 'old.key') })
    expect(open).toThrow(
      expect.objectContaining({
        code: 'key.wrong',
        message: `sealed with master key ${currentKeyId}, but ${before.currentKeyId} was given`,
        next: expect.stringContaining(`start with ${currentKeyId}, the new one`),
      }),
    )
  })

  it('another server’s ring is key.wrong for every kind of object', async () => {
    const openers = { ...stock.openers, ...(await addPassing(stock.folder, ringNow())) }
    const foreign = await openKeys(join(stock.folder, 'foreign'), { environment: HEX[0] })
    const found = await openAll(openers, foreign.keyRing)
    expect(found).toEqual(Object.fromEntries(Object.keys(openers).map((kind) => [kind, 'key.wrong'])))
  })

  it('changed octets are storage.corrupt for every kind of file', async () => {
    const openers = { ...stock.openers, ...(await addPassing(stock.folder, ringNow())) }
    const places: readonly (readonly [kind: string, path: string])[] = [
      ['copies', 'catalogue.sqlite'],
      ['copies', 'catalogue.sqlite.key'],
      ['signing keys', 'accounts.sqlite'],
      ['signing keys', 'accounts.sqlite.key'],
      ['segment map key', 'storage/system/segment-map-key'],
      ['arriving objects', `spool/${readdirSync(join(stock.folder, 'spool'))[0]}`],
      ['traced messages', `traces/${filesIn(join(stock.folder, 'traces'))[0]}`],
    ]
    for (const [kind, name] of places) {
      const path = join(stock.folder, name)
      expect(existsSync(path)).toBe(true)
      const whole = readFileSync(path)
      // Of a database its first page: whatever is asked of it goes through that.
      const ends = [Math.floor(whole.length / 2), whole.length - 2]
      for (const at of [30, ...(name.endsWith('.sqlite') ? [100, 2000] : ends)]) {
        const changed = Buffer.from(whole)
        changed[at] = (changed[at] ?? 0) === 0x41 ? 0x42 : 0x41
        writeFileSync(path, changed)
        const { [kind]: found } = await openAll({ [kind]: openers[kind] as Opener })
        expect(`${name} at ${at}: ${found}`).toBe(`${name} at ${at}: storage.corrupt`)
        writeFileSync(path, whole)
      }
    }
  })

  it('a changed key id alone is damage', () => {
    const ring = ringNow()
    const { wrapped } = ring.newKey('copy:1')
    const other = wrapped.replace(/mk_(.)/, (_, digit: string) => `mk_${digit === '0' ? '1' : '0'}`)
    expect(() => ring.unwrap(other, 'copy:1')).toThrow(expect.objectContaining({ code: 'storage.corrupt' }))
    const sealed = ring.seal(Buffer.from('x'), 'a')
    sealed[6] = (sealed[6] ?? 0) ^ 1
    expect(() => ring.open(sealed, 'a')).toThrow(expect.objectContaining({ code: 'storage.corrupt' }))
  })
})

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  )
}
