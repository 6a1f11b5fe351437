/**
 * The process that copies SQLite files: it has no database open, whose locks it could give up (BK-18). Copies, flushes
 * and tells what it copied; it ends with its parent.
 */

import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'

export interface CopyOrder {
  readonly from: string
  readonly to: string
  /** The copy serves for a moment: it is not flushed, and nobody asks what it holds. */
  readonly brief: boolean
}

export type CopyReply =
  | { readonly kind: 'copied'; readonly sizeBytes: number; readonly sha256: string }
  | { readonly kind: 'failed'; readonly errno: string; readonly message: string }

const BLOCK_BYTES = 1024 * 1024

process.on('message', (message) => {
  const { from, to, brief } = message as CopyOrder
  const copied = brief ? copyBriefly(from, to) : copy(from, to)
  copied.then(tell, (cause: NodeJS.ErrnoException) =>
    tell({ kind: 'failed', errno: cause.code ?? '', message: cause.message }),
  )
})
process.on('disconnect', () => process.exit(0))

function tell(reply: CopyReply): void {
  process.send?.(reply)
}

async function copyBriefly(from: string, to: string): Promise<CopyReply> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  return { kind: 'copied', sizeBytes: 0, sha256: '' }
}

async function copy(from: string, to: string): Promise<CopyReply> {
  const source = await open(from, 'r')
  try {
    const target = await open(to, 'wx', 0o600)
    try {
      const digest = createHash('sha256')
      const block = Buffer.allocUnsafe(BLOCK_BYTES)
      let sizeBytes = 0
      for (;;) {
        const { bytesRead } = await source.read(block, 0, block.length, sizeBytes)
        if (bytesRead === 0) break
        const piece = block.subarray(0, bytesRead)
        digest.update(piece)
        await target.writeFile(piece)
        sizeBytes += bytesRead
      }
      await target.sync()
      return { kind: 'copied', sizeBytes, sha256: digest.digest('hex') }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}
