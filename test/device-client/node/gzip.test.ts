/** One suite for both gzips: Node's streams and pako. */

import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { pakoGzip } from '../../../device-client/browser/pakoGzip.ts'
import { nodeGzip } from '../../../device-client/node/gzip.ts'

async function* chunksOf(octets: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const text = Buffer.from(Array.from({ length: 50_000 }, (_, index) => `row ${index * 7919}\n`).join(''))

describe.each([
  ['node:zlib', nodeGzip],
  ['pako', pakoGzip],
])('gzip by %s', (_name, gzip) => {
  it('is ordinary gzip, both ways, in any chunks', async () => {
    for (const size of [1000, 65_536, text.length]) {
      expect(gunzipSync(await collect(gzip.compress(chunksOf(text, size), 6)))).toEqual(text)
    }
    const packed = gzipSync(text)
    for (const size of [7, 4096])
      expect(await collect(gzip.decompress(chunksOf(packed, size), text.length))).toEqual(text)
    expect(gunzipSync(await collect(gzip.compress(chunksOf(Buffer.alloc(0), 1), 6)))).toHaveLength(0)
  })

  it('stops a bomb at the limit', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    await expect(collect(gzip.decompress(chunksOf(bomb, 4096), 1_000_000))).rejects.toMatchObject({
      code: 'protocol.too-large',
    })
  })

  it('refuses what is cut off or damaged', async () => {
    const packed = gzipSync(text)
    const damaged = Buffer.from(packed)
    damaged[packed.length - 6] = (damaged[packed.length - 6] ?? 0) ^ 1
    for (const octets of [
      packed.subarray(0, packed.length - 1),
      packed.subarray(0, 100),
      damaged,
      Buffer.from('plain'),
    ]) {
      await expect(collect(gzip.decompress(chunksOf(octets, 1000), 10_000_000))).rejects.toMatchObject({
        code: 'protocol.malformed',
      })
    }
  })

  it('passes a failure of the source on', async () => {
    async function* failing(): AsyncIterable<Uint8Array> {
      yield text
      throw new Error('the source broke')
    }
    await expect(collect(gzip.compress(failing(), 6))).rejects.toThrow('the source broke')
  })
})
