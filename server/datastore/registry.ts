/**
 * Finds datastores by URI: every `./databases/<name>`, and those of Items by the names clients use for them.
 */

import type { Copies } from '../backup/copies.ts'
import { createDatabaseDatastore, type DatabaseDatastoreParts } from './databaseDatastore.ts'
import type { DatastoreRegistry } from './datastore.ts'
import type { SyncDatastore } from './syncDatastore.ts'

const DATABASE_URI = /^\.\/databases\/([^/]{1,1024})$/i

/** Names as `databaseName` of the REST calls has them; in a URI they are percent-encoded. */
const DATABASE_NAME = /^(?!\.{1,2}$)[^/\\\p{Cc}]{1,128}$/u

/** A device that has no database yet is told of this place for one. */
const EXAMPLE_NAME = 'default'

/** Datastores of Items, whatever they are kept in. */
export interface OtherDatastores {
  find(uri: string): SyncDatastore | undefined
  list(): readonly SyncDatastore[]
}

export function createDatastoreRegistry(
  parts: DatabaseDatastoreParts & { readonly copies: Copies },
  items: OtherDatastores,
): DatastoreRegistry {
  const byName = (name: string): SyncDatastore => createDatabaseDatastore(parts, name)
  return {
    find: async (_peer, uri) => {
      const name = decodeName(DATABASE_URI.exec(uri)?.[1])
      return name === undefined ? items.find(uri) : byName(name)
    },
    list: async (peer) => {
      const rows = (await parts.copies.list(peer.accountId)).filter((row) => row.deviceId === peer.deviceId)
      // Those of Items first: a device that takes few datastores has no use for databases.
      return [...items.list(), ...(rows.length === 0 ? [EXAMPLE_NAME] : rows.map((row) => row.name)).map(byName)]
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
