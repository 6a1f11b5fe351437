/** Blocks compressed side by side make one gzip stream that every reader inflates. */

import { promisify } from 'node:util'
import { constants, crc32, deflateRaw, gunzipSync } from 'node:zlib'
import { Inflate } from 'pako'
import { describe, expect, it } from 'vitest'
import { gzipBlocks } from '../../../schemas/gzip/gzipBlocks.ts'

const deflateBlock = promisify(deflateRaw)
const platform = {
  crc32,
  deflate: (block: Uint8Array, dictionary: Uint8Array | undefined) =>
    deflateBlock(block, { level: 1, finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary && { dictionary }) }),
}

function sample(sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 7 + (i >> 9) * 13 + (i >> 17)) & 255
  return bytes
}

/** Hands out pieces of one buffer that it fills again each time. */
async function* pieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  const held = new Uint8Array(pieceBytes)
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const part = bytes.subarray(at, at + pieceBytes)
    held.set(part)
    yield held.subarray(0, part.length)
    held.fill(0)
  }
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

describe('gzip of blocks', () => {
  it.each([0, 1, 100_000, 512 * 1024, 512 * 1024 + 1, 5_000_000])(
    '[WF-20] %d octets come back from one member, by zlib and pako',
    async (sizeBytes) => {
      const plain = sample(sizeBytes)
      const packed = await collect(gzipBlocks(pieces(plain, 70_001), platform))
      expect(gunzipSync(packed).equals(plain)).toBe(true)
      const inflate = new Inflate()
      inflate.push(packed, true)
      expect(inflate.err).toBe(0)
      expect(Buffer.from(inflate.result as Uint8Array).equals(plain)).toBe(true)
    },
  )

  it('[WF-20] an error of the source, or of a block, ends the stream with it', async () => {
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield sample(2_000_000)
      throw new Error('the source broke')
    }
    await expect(collect(gzipBlocks(failing(), platform))).rejects.toThrow('the source broke')
    const broken = { ...platform, deflate: () => Promise.reject(new Error('the block broke')) }
    await expect(collect(gzipBlocks(pieces(sample(3_000_000), 65_536), broken))).rejects.toThrow('the block broke')
  })
})
