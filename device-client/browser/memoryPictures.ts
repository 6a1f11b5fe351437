/**
 * The stored pictures of tracked databases in a page: sql.js databases in memory, whose bytes lie in the key store.
 * The port is synchronous and the key store is not, so pictures are read at the start and saved after each deed.
 */

import type { Database, SqlJsStatic } from 'sql.js'
import type { KeyStore, SqlDatabase } from '../ports.ts'
import { wrapSqlJs } from './sqlJs.ts'

export interface MemoryPictures {
  /** The picture of this name, made if there is none. */
  open(name: string): SqlDatabase
  remove(name: string): void
  /** Writes what was opened or removed since the last time; durable when it resolves. */
  save(): Promise<void>
  close(): void
}

const keyOf = (name: string): string => `picture/${name}`

/** Reads the pictures of the databases `names` from `keyStore`. */
export async function openMemoryPictures(
  sqlJs: SqlJsStatic,
  keyStore: KeyStore,
  names: readonly string[],
): Promise<MemoryPictures> {
  const pictures = new Map<string, Database>()
  const touched = new Set<string>()
  for (const name of names) {
    const octets = await keyStore.get(keyOf(name))
    if (octets !== undefined) pictures.set(name, new sqlJs.Database(octets))
  }
  return {
    open: (name) => {
      const picture = pictures.get(name) ?? new sqlJs.Database()
      pictures.set(name, picture)
      touched.add(name)
      return wrapSqlJs(picture)
    },
    remove: (name) => {
      pictures.get(name)?.close()
      pictures.delete(name)
      touched.add(name)
    },
    save: async () => {
      for (const name of [...touched]) {
        // Taken out before the wait: what is touched meanwhile is saved again.
        touched.delete(name)
        const picture = pictures.get(name)
        await (picture === undefined ? keyStore.delete(keyOf(name)) : keyStore.set(keyOf(name), picture.export()))
      }
    },
    close: () => {
      for (const picture of pictures.values()) picture.close()
      pictures.clear()
    },
  }
}
