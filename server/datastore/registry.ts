/**
 * Finds datastores by URI. Today every `./databases/<name>`; other kinds are added beside it.
 */

import type { Copies } from '../backup/copies.ts'
import { createDatabaseDatastore, type DatabaseDatastoreParts } from './databaseDatastore.ts'
import type { Datastore, DatastoreRegistry } from './datastore.ts'

const DATABASE_URI = /^\.\/databases\/([^/]{1,1024})$/i

/** Names as `databaseName` of the REST calls has them; in a URI they are percent-encoded. */
const DATABASE_NAME = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,128}$/u

/** A device that has no database yet is told of this place for one. */
const EXAMPLE_NAME = 'default'

export function createDatastoreRegistry(
  parts: DatabaseDatastoreParts & { readonly copies: Copies },
): DatastoreRegistry {
  const byName = (name: string): Datastore => createDatabaseDatastore(parts, name)
  return {
    find: async (_peer, uri) => {
      const name = decodeName(DATABASE_URI.exec(uri)?.[1])
      return name === undefined ? undefined : byName(name)
    },
    list: async (peer) => {
      const rows = (await parts.copies.list(peer.accountId)).filter((row) => row.deviceId === peer.deviceId)
      return (rows.length === 0 ? [EXAMPLE_NAME] : rows.map((row) => row.name)).map(byName)
    },
  }
}

function decodeName(encoded: string | undefined): string | undefined {
  try {
    const name = decodeURIComponent(encoded ?? '')
    return DATABASE_NAME.test(name) ? name : undefined
  } catch {
    // A stray percent sign: no name of ours.
    return undefined
  }
}
