/** Scratch on Node: small contents stay in memory, larger ones go into a file of the agent's home. */

import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../schemas/errors.ts'
import type { Scratch, ScratchContent } from '../ports.ts'

/** A nightly Delta fits many times over, and most whole databases; the bound of 300 MB is far away. */
const MEMORY_BYTES = 32 * 1024 * 1024

/** Fills the port `Scratch`; files lie in `directory` until they are disposed of. */
export function createFileScratch(directory: string): Scratch {
  return { fill: (source) => fill(directory, source) }
}

async function fill(directory: string, source: AsyncIterable<Uint8Array>): Promise<ScratchContent> {
  const path = join(directory, `${randomUUID()}.scratch`)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  let file: FileHandle | undefined
  try {
    for await (const chunk of source) {
      sizeBytes += chunk.length
      chunks.push(chunk)
      if (sizeBytes <= MEMORY_BYTES) continue
      file ??= await open(path, 'wx', 0o600)
      await file.writev(chunks.splice(0))
    }
    if (!file) return inMemory(chunks, sizeBytes)
    await file.writev(chunks)
    await file.close()
    return {
      sizeBytes,
      open: (offset) => createReadStream(path, { start: offset, highWaterMark: 256 * 1024 }),
      dispose: () => rm(path, { force: true }),
    }
  } catch (cause) {
    await file?.close()
    await rm(path, { force: true })
    const { code } = cause as { code?: unknown }
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new CodedError('storage.full', 'no space for what is sent', { cause })
    throw cause
  }
}

function inMemory(chunks: readonly Uint8Array[], sizeBytes: number): ScratchContent {
  const bytes = Buffer.concat(chunks, sizeBytes)
  return {
    sizeBytes,
    open: async function* (offset) {
      yield bytes.subarray(offset)
    },
    dispose: async () => undefined,
  }
}
