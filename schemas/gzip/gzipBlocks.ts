/**
 * One gzip stream made of blocks that are compressed side by side, each with the end of the block before as its
 * dictionary: any reader inflates it like every other gzip, the size is the same, and all processors work on it.
 * Pure: the platform gives the compression of one block. RFC 1951, 1952.
 */

/** What the platform gives. */
export interface BlockDeflate {
  /**
   * Raw deflate of `block` that ends on a whole octet and is not the last of its stream (a sync flush);
   * `dictionary` are the octets before it, if there are any.
   */
  deflate(block: Uint8Array, dictionary: Uint8Array | undefined): Promise<Uint8Array>
  /** CRC-32 of `bytes`, going on from `start`. */
  crc32(bytes: Uint8Array, start: number): number
}

/** Octets of one block: large enough that its flush costs nothing, small enough for bounded memory. */
const BLOCK_BYTES = 512 * 1024
/** Deflate looks back no further. */
const WINDOW_BYTES = 32 * 1024
/** Blocks at work or waiting for their turn at once. */
const MAX_IN_FLIGHT = 4

/** Magic, deflate, no flags, no time, unknown system. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
/** An empty last block with fixed codes. */
const LAST_BLOCK = Uint8Array.of(3, 0)

/** Compresses `source`, whose pieces may be used again by it as soon as the next one is asked for. */
export async function* gzipBlocks(
  source: AsyncIterable<Uint8Array>,
  { deflate, crc32 }: BlockDeflate,
): AsyncGenerator<Uint8Array> {
  const inFlight: Promise<Uint8Array>[] = []
  let checksum = 0
  let sizeBytes = 0
  let dictionary: Uint8Array | undefined
  try {
    yield HEADER
    for await (const block of cutBlocks(source)) {
      checksum = crc32(block, checksum)
      sizeBytes += block.length
      inFlight.push(deflate(block, dictionary))
      dictionary = block.subarray(-WINDOW_BYTES)
      const first = inFlight.length > MAX_IN_FLIGHT ? inFlight.shift() : undefined
      if (first) yield await first
    }
    for (let first = inFlight.shift(); first !== undefined; first = inFlight.shift()) yield await first
    yield trailer(checksum, sizeBytes)
  } finally {
    // Whoever stopped listening must not leave a failure behind that nobody hears.
    await Promise.allSettled(inFlight)
  }
}

async function* cutBlocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let block = new Uint8Array(BLOCK_BYTES)
  let filled = 0
  for await (const piece of source) {
    for (let offset = 0; offset < piece.length; ) {
      const part = piece.subarray(offset, offset + BLOCK_BYTES - filled)
      block.set(part, filled)
      filled += part.length
      offset += part.length
      if (filled < BLOCK_BYTES) continue
      yield block
      block = new Uint8Array(BLOCK_BYTES)
      filled = 0
    }
  }
  if (filled > 0) yield block.subarray(0, filled)
}

function trailer(checksum: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(LAST_BLOCK.length + 8)
  bytes.set(LAST_BLOCK)
  const view = new DataView(bytes.buffer)
  view.setUint32(2, checksum, true)
  view.setUint32(6, sizeBytes % 2 ** 32, true)
  return bytes
}
