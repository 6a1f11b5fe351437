/** Scratch where there is no disk: contents stay in memory, as the databases of a page do. */

import type { Scratch } from '../ports.ts'

export const memoryScratch: Scratch = {
  fill: async (source) => {
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    for await (const chunk of source) {
      chunks.push(chunk)
      sizeBytes += chunk.length
    }
    const bytes = new Uint8Array(sizeBytes)
    let at = 0
    for (const chunk of chunks) {
      bytes.set(chunk, at)
      at += chunk.length
    }
    return {
      sizeBytes,
      open: async function* (offset) {
        yield bytes.subarray(offset)
      },
      dispose: async () => undefined,
    }
  },
}
