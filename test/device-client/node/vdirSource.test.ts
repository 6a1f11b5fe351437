/** A folder as a source of items: what is an item, what is never touched, and that nothing is ever half. */

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openVdirSource } from '../../../device-client/node/vdirSource.ts'
import { contentDigest } from '../../../device-client/sync/contentDigest.ts'
import { encodeUtf8 } from '../../../schemas/utf8.ts'

let root = ''
let folder = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightferry-vdir-'))
  folder = join(root, 'items')
  mkdirSync(folder)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const source = () => openVdirSource(folder, '.vcf')
const digest = (text: string) => contentDigest(encodeUtf8(text))

describe('items', () => {
  it('[DC-68] are files with the ending; hidden ones and others are not', async () => {
    for (const name of ['a.vcf', 'b.ics', '.c.vcf', 'ü ö.vcf']) writeFileSync(join(folder, name), name)
    const { digests, unreadable } = await source().scan()
    expect([...digests].sort()).toEqual([
      ['a.vcf', digest('a.vcf')],
      ['ü ö.vcf', digest('ü ö.vcf')],
    ])
    expect(unreadable).toEqual([])
  })

  it('[DC-60] [DC-68] that cannot be read are named, not taken for deleted', async () => {
    mkdirSync(join(folder, 'folder.vcf'))
    symlinkSync(join(root, 'nowhere'), join(folder, 'dead.vcf'))
    const { digests, unreadable } = await source().scan()
    expect(digests.size).toBe(0)
    expect(unreadable.map(({ luid }) => luid).sort()).toEqual(['dead.vcf', 'folder.vcf'])
  })

  it('[DC-68] never lie outside of the folder', async () => {
    writeFileSync(join(root, 'secret.vcf'), 'secret')
    const opened = source()
    for (const luid of ['../secret.vcf', `${root}/secret.vcf`, '..\\secret.vcf', '.vcf', '', 'a\0.vcf', 'other.txt']) {
      expect(await opened.read(luid)).toBeUndefined()
      await expect(opened.add(luid, encodeUtf8('x'))).rejects.toMatchObject({ code: 'content.invalid' })
      await expect(opened.replace(luid, encodeUtf8('x'), undefined)).rejects.toMatchObject({ code: 'content.invalid' })
      expect(await opened.remove(luid, digest('secret'))).toBe('absent')
    }
    expect(readFileSync(join(root, 'secret.vcf'), 'utf8')).toBe('secret')
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('writes', () => {
  it('[DC-68] leave nothing but the item, and never take the place of another', async () => {
    const opened = source()
    const luid = await opened.chooseLuid(encodeUtf8('one'))
    await opened.add(luid, encodeUtf8('one'))
    await expect(opened.add(luid, encodeUtf8('two'))).rejects.toMatchObject({ code: 'storage.unavailable' })
    expect(readdirSync(folder)).toEqual([luid])
    expect(readFileSync(join(folder, luid), 'utf8')).toBe('one')
  })

  it('[DC-65] keep what was changed meanwhile', async () => {
    const opened = source()
    writeFileSync(join(folder, 'a.vcf'), 'mine')
    const outcome = await opened.replace('a.vcf', encodeUtf8('theirs'), digest('before'))
    expect(outcome.kind).toBe('kept-both')
    expect(
      readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'utf8'))
        .sort(),
    ).toEqual(['mine', 'theirs'])
    expect(await opened.remove('a.vcf', digest('before'))).toBe('changed')
    expect(await opened.replace('a.vcf', encodeUtf8('third'), digest('theirs'))).toEqual({ kind: 'replaced' })
    expect(await opened.remove('a.vcf', digest('third'))).toBe('removed')
    expect(await opened.remove('a.vcf', digest('third'))).toBe('absent')
  })

  it('[DC-68] to a folder that is gone are an error', async () => {
    rmSync(folder, { recursive: true })
    await expect(source().scan()).rejects.toMatchObject({ code: 'storage.unavailable' })
    await expect(source().add('a.vcf', encodeUtf8('x'))).rejects.toMatchObject({ code: 'storage.unavailable' })
  })
})
