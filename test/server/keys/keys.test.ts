/** Master key, key ring, and what a wrong key may not do. */

import { createHash } from 'node:crypto'
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccountStore } from '../../../server/account/sqlite/openAccountStore.ts'
import { openCatalogue } from '../../../server/catalogue/sqlite/openCatalogue.ts'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'

let dir: string
let other: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-keys-'))
  other = mkdtempSync(join(tmpdir(), 'nightferry-keys-'))
})
afterEach(() => {
  for (const path of [dir, other]) rmSync(path, { recursive: true, force: true })
})

/** Names, modes and contents of everything in a folder. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(folder, name)
    const { mode, mtimeMs } = statSync(path)
    hash.update(`${name} ${mode} ${mtimeMs} `)
    if (statSync(path).isFile()) hash.update(readFileSync(path))
  }
  return hash.digest('hex')
}

describe('master key', () => {
  it('is made once, with mode 0600, and read again', () => {
    const first = openKeyRing({ dataDir: dir })
    expect(first.created).toBe(true)
    expect(statSync(first.masterKeyPath).mode & 0o777).toBe(0o600)
    const again = openKeyRing({ dataDir: dir })
    expect(again.created).toBe(false)
    expect(again.keyRing.currentKeyId).toBe(first.keyRing.currentKeyId)
  })

  it('is refused when others may read its file', () => {
    const { masterKeyPath } = openKeyRing({ dataDir: dir })
    chmodSync(masterKeyPath, 0o640)
    expect(() => openKeyRing({ dataDir: dir })).toThrow(expect.objectContaining({ code: 'config.invalid' }))
  })

  it('is refused when its file is damaged, and never made anew beside data that had one', () => {
    const { masterKeyPath } = openKeyRing({ dataDir: dir })
    writeFileSync(masterKeyPath, 'nightferry master key v1\nabc\n')
    expect(() => openKeyRing({ dataDir: dir })).toThrow(expect.objectContaining({ code: 'config.invalid' }))
    rmSync(masterKeyPath)
    const before = fingerprint(dir)
    expect(() => openKeyRing({ dataDir: dir })).toThrow(expect.objectContaining({ code: 'config.invalid' }))
    expect(fingerprint(dir)).toBe(before)
  })

  it('a wrong one is told, and nothing is changed', async () => {
    const keys = openKeyRing({ dataDir: dir })
    await (await openCatalogue(dir, keys.keyRing)).destroy()
    await (await openAccountStore(dir, keys.keyRing)).close()
    const { masterKeyPath } = openKeyRing({ dataDir: other })
    const before = fingerprint(dir)
    expect(() => openKeyRing({ dataDir: dir, masterKeyFile: masterKeyPath })).toThrow(
      expect.objectContaining({ code: 'key.wrong' }),
    )
    expect(fingerprint(dir)).toBe(before)
  })

  it('a foreign key ring opens neither catalogue nor accounts, and changes nothing', async () => {
    const keys = openKeyRing({ dataDir: dir })
    await (await openCatalogue(dir, keys.keyRing)).destroy()
    await (await openAccountStore(dir, keys.keyRing)).close()
    const foreign = openKeyRing({ dataDir: other }).keyRing
    const before = fingerprint(dir)
    await expect(openCatalogue(dir, foreign)).rejects.toMatchObject({ code: 'key.wrong' })
    await expect(openAccountStore(dir, foreign)).rejects.toMatchObject({ code: 'key.wrong' })
    expect(fingerprint(dir)).toBe(before)
  })

  it('a file encrypted with another key is not opened', async () => {
    await (await openCatalogue(other, openKeyRing({ dataDir: other }).keyRing)).destroy()
    const { keyRing } = openKeyRing({ dataDir: dir })
    await (await openCatalogue(dir, keyRing)).destroy()
    cpSync(join(other, 'catalogue.sqlite'), join(dir, 'catalogue.sqlite'))
    // The key was proven by the ring: it is the file that is another's.
    await expect(openCatalogue(dir, keyRing)).rejects.toMatchObject({ code: 'storage.corrupt' })
  })
})

describe('key ring', () => {
  it('gives back a wrapped key, in its own context only', () => {
    const { keyRing } = openKeyRing({ dataDir: dir })
    const { key, wrapped } = keyRing.newKey('copy:1')
    expect(Buffer.from(keyRing.unwrap(wrapped, 'copy:1')).equals(Buffer.from(key))).toBe(true)
    expect(keyRing.wrap(key, 'copy:1')).not.toBe(wrapped)
    expect(() => keyRing.unwrap(wrapped, 'copy:2')).toThrow(expect.objectContaining({ code: 'storage.corrupt' }))
  })

  it('tells another master key from damage, for every octet', () => {
    const { keyRing } = openKeyRing({ dataDir: dir })
    const { wrapped } = keyRing.newKey('copy:1')
    expect(() => openKeyRing({ dataDir: other }).keyRing.unwrap(wrapped, 'copy:1')).toThrow(
      expect.objectContaining({ code: 'key.wrong' }),
    )
    const start = wrapped.lastIndexOf('.') + 1
    for (let at = start; at < wrapped.length; at++) {
      const changed = wrapped.slice(0, at) + (wrapped[at] === 'A' ? 'B' : 'A') + wrapped.slice(at + 1)
      expect(() => keyRing.unwrap(changed, 'copy:1')).toThrow(expect.objectContaining({ code: 'storage.corrupt' }))
    }
    expect(() => keyRing.unwrap('', 'copy:1')).toThrow(expect.objectContaining({ code: 'storage.corrupt' }))
  })

  it('derives the same key for the same context, also after a restart', () => {
    const derive = (context: string) =>
      Buffer.from(openKeyRing({ dataDir: dir }).keyRing.derive(context)).toString('hex')
    expect(derive('spool:1')).toBe(derive('spool:1'))
    expect(derive('spool:1')).not.toBe(derive('spool:2'))
    expect(derive('spool:1')).toHaveLength(64)
  })
})
