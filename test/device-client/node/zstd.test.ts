/** Whole files in Zstandard: what a device sends is an ordinary stream of it. */

import { randomBytes } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { zstdFiles } from '../../../device-client/node/zstd.ts'
import { openSource } from '../../../server/backup/openSource.ts'

async function* chunksOf(octets: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

it('[DC-18] is an ordinary stream with a checksum, whatever the chunks', async () => {
  const octets = Buffer.concat([Buffer.from('row '.repeat(200_000)), randomBytes(100_000)])
  for (const size of [1000, 65_536, octets.length]) {
    const packed = await collect(zstdFiles.compress(chunksOf(octets, size)))
    expect(packed.length).toBeLessThan(120_000)
    expect((await collect(openSource(chunksOf(packed, 10_000), 1e9))).equals(octets)).toBe(true)
    // Among octets that do not compress only the checksum notices.
    const at = packed.length - 50_000
    packed[at] = 255 - (packed[at] ?? 0)
    await expect(collect(openSource(chunksOf(packed, 10_000), 1e9))).rejects.toThrow('damaged')
  }
  expect(zstdDecompressSync(await collect(zstdFiles.compress(chunksOf(Buffer.alloc(0), 1))))).toHaveLength(0)
})

it('[DC-18] an error of the source passes as it is', async () => {
  async function* broken(): AsyncIterable<Uint8Array> {
    yield Buffer.alloc(1000)
    throw new Error('the image is gone')
  }
  await expect(collect(zstdFiles.compress(broken()))).rejects.toThrow('the image is gone')
})
