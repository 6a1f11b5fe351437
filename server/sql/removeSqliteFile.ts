/** Removes an SQLite file with its journals; one that stayed would be played back into the next file of that name. */

import { rm } from 'node:fs/promises'

/** No error if there is nothing. */
export async function removeSqliteFile(path: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(path + suffix, { force: true })
}
