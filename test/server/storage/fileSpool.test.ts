/** The sealed spool: appends, cuts, damage, and no plaintext at rest. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openKeyRing } from '../../../server/keys/openKeyRing.ts'
import { openFileSpool } from '../../../server/storage/fileSpool.ts'
import type { Spool } from '../../../server/storage/spool.ts'

let dir: string
const openSpool = (): Spool => openFileSpool(join(dir, 'spool'), openKeyRing({ dataDir: dir }).keyRing)

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightferry-spool-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function readAll(spool: Spool, id: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of spool.read(id)) pieces.push(piece)
  return Buffer.concat(pieces)
}

function pattern(length: number, seed = 1): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * 31 + seed * 7) % 251))
}

describe('file spool', () => {
  it('[BK-10] gives back what was appended, also after a restart and in any sizes', async () => {
    const first = openSpool()
    const whole = pattern(300_000)
    await first.append('s1', 0, whole.subarray(0, 70_000))
    await first.append('s1', 70_000, whole.subarray(70_000, 70_001))
    const second = openSpool()
    await second.append('s1', 70_001, whole.subarray(70_001))
    expect((await readAll(second, 's1')).equals(whole)).toBe(true)
  })

  it('cuts off what an unacknowledged try left, on and inside a frame', async () => {
    const spool = openSpool()
    for (const offset of [0, 65_536, 100_000, 99_999, 5]) {
      await spool.append('s1', 0, pattern(200_000))
      await spool.append('s1', offset, pattern(10, 9))
      const expected = Buffer.concat([pattern(200_000).subarray(0, offset), pattern(10, 9)])
      expect((await readAll(spool, 's1')).equals(expected)).toBe(true)
    }
  })

  it('refuses an append beyond its end', async () => {
    const spool = openSpool()
    await spool.append('s1', 0, pattern(10))
    await expect(spool.append('s1', 11, pattern(1))).rejects.toMatchObject({ code: 'storage.corrupt' })
    await expect(spool.append('s2', 1, pattern(1))).rejects.toMatchObject({ code: 'storage.corrupt' })
    expect((await readAll(spool, 's1')).length).toBe(10)
  })

  it('notices a changed octet, and frames of another spool', async () => {
    const spool = openSpool()
    await spool.append('s1', 0, pattern(1000))
    await spool.append('s2', 0, pattern(1000))
    const { path } = spool.locate('s1')
    const bytes = readFileSync(path)
    for (const at of [5, 40, bytes.length - 1]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(path, changed)
      await expect(readAll(spool, 's1')).rejects.toMatchObject({ code: 'storage.corrupt' })
    }
    writeFileSync(path, readFileSync(spool.locate('s2').path))
    await expect(readAll(spool, 's1')).rejects.toMatchObject({ code: 'storage.corrupt' })
  })

  it('counts a torn tail, which was never acknowledged, as not there', async () => {
    const spool = openSpool()
    await spool.append('s1', 0, pattern(1000))
    await spool.append('s1', 1000, pattern(500, 2))
    truncateSync(spool.locate('s1').path, readFileSync(spool.locate('s1').path).length - 3)
    const again = openSpool()
    expect((await readAll(again, 's1')).equals(pattern(1000))).toBe(true)
    await again.append('s1', 1000, pattern(500, 2))
    expect((await readAll(again, 's1')).length).toBe(1500)
  })

  it.each<[string, (file: Buffer) => Buffer]>([
    ['is shorter', (file) => file.subarray(0, 70_000)],
    ['ends in zeros', (file) => Buffer.concat([file.subarray(0, 70_000), Buffer.alloc(file.length - 70_000)])],
    ['begins with zeros', (file) => Buffer.concat([Buffer.alloc(70_000), file.subarray(70_000)])],
    ['is empty', () => Buffer.alloc(0)],
  ])('[OM-27] what %s after a power cut is not gone on with', async (_, cut) => {
    await openSpool().append('s1', 0, pattern(200_000))
    const { path } = openSpool().locate('s1')
    writeFileSync(path, cut(readFileSync(path)))
    const spool = openSpool()
    const goOn = async () => {
      await spool.append('s1', 200_000, pattern(1000))
      return readAll(spool, 's1')
    }
    await expect(goOn()).rejects.toMatchObject({ code: 'storage.corrupt' })
  })

  it('[BK-10] leaves no plaintext on disk, lists and removes', async () => {
    const spool = openSpool()
    await spool.append('s1', 0, Buffer.from('a canary of plain text'.repeat(100)))
    for (const name of readdirSync(join(dir, 'spool')))
      expect(readFileSync(join(dir, 'spool', name)).includes('canary')).toBe(false)
    expect((await spool.list()).map((entry) => entry.spoolId)).toEqual(['s1'])
    await spool.remove('s1')
    await spool.remove('s1')
    expect(await spool.list()).toEqual([])
    expect((await readAll(spool, 's1')).length).toBe(0)
  })
})
