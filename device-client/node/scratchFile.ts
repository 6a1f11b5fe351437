/** A file of the agent's own for a piece of work; what a kill leaves goes with the next lock of the home (DC-94). */

import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A path in `directory`, which only the owner can enter; `remove` takes away all that came to lie beside it, too. */
export function createScratchFile(directory: string): { readonly path: string; remove(): Promise<void> } {
  const path = join(directory, `${randomUUID()}.db`)
  return {
    path,
    remove: async () => {
      for (const suffix of ['', '-wal', '-shm', '-journal', '.nightferry-restore'])
        await rm(path + suffix, { recursive: true, force: true })
    },
  }
}
