/** The datastores of Items by the names clients use (reference 9.5), for the registry of all datastores. */

import type { SyncDatastore } from '../datastore/syncDatastore.ts'
import { createItemDatastore, type ItemDatastoreParts } from './itemDatastore.ts'
import { findStoreView, STORE_VIEWS } from './stores.ts'

export interface ItemRegistry {
  /** The datastore a client means by this URI, whatever its spelling; undefined if it is none of Items. */
  find(uri: string): SyncDatastore | undefined
  /** What device information lists. */
  list(): readonly SyncDatastore[]
}

export function createItemRegistry(parts: ItemDatastoreParts): ItemRegistry {
  const datastores = new Map(STORE_VIEWS.map((view) => [view.name, createItemDatastore(parts, view)]))
  const listed = STORE_VIEWS.filter(({ stores }) => stores.length === 1).flatMap(
    ({ name }) => datastores.get(name) ?? [],
  )
  return {
    find: (uri) => {
      const view = findStoreView(uri)
      return view && datastores.get(view.name)
    },
    list: () => listed,
  }
}
